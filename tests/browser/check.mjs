// Opens pages from disk in headless Chromium and looks at them as their readers do:
//   node tests/browser/check.mjs MODULES SHOTS PAGE...       (tests/browser/run.sh gets what it needs and calls it)
// What a page must have is known by its name: `check` has no picture, `page` (of a run) has charts over time.
// MODULES is a folder in which npm has installed package.json, SHOTS a folder for pictures (or -).
// CHROMIUM names the browser where it is not /usr/bin/chromium. Exit code 1 and a line for each thing that is wrong.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, shots, ...pages] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const WIDTHS = [360, 1024, 1600];
const wrong = [];

// Texts of one picture whose boxes lie over each other by more than a hair, and whether the page is wider than the window.
function layout() {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const all = [...svg.querySelectorAll('text')].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
    const texts = all.filter((text) => text.box.width > 0);
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width || 1;
    const edge = svg.getBoundingClientRect();
    for (const [i, a] of texts.entries()) {
      if (a.box.right > edge.right + 2 || a.box.left < edge.left - 2) found.push(`"${a.text}" leaves its picture`);
      for (const b of texts.slice(i + 1)) {
        const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (wide > 1.5 * scale && high > 4 * scale) found.push(`"${a.text}" lies over "${b.text}" in ${svg.getAttribute('aria-labelledby')}`);
      }
    }
  }
  if (document.documentElement.scrollWidth > window.innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return found;
}

async function interaction(page, say) {
  const clocks = page.locator('.plot[data-clock]');
  const count = await clocks.count();
  if (count > 0) {
    await clocks.first().scrollIntoViewIfNeeded();
    const box = await clocks.first().boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const on = await page.locator('.cursor.on').count();
    if (on !== count) say(`the cursor shows in ${on} of ${count} charts`);
    const told = await clocks.first().evaluate((plot) => plot.parentElement.querySelector('.readout').textContent);
    if (!/^at .+/.test(told)) say(`the cursor says "${told}"`);
    await clocks.first().focus();
    await page.keyboard.press('ArrowRight');
    const next = await clocks.first().evaluate((plot) => plot.parentElement.querySelector('.readout').textContent);
    if (next === told) say('the arrow keys do not move the cursor');
    await page.keyboard.press('Escape');
    if (await page.locator('.cursor.on').count() !== 0) say('Escape does not hide the cursor');
  }
  if (count > 0) await zoom(page, clocks, say);
  await stops(page, say);
  await sorting(page, say);
  const toggle = page.locator('.legend button').first();
  if (await toggle.count() > 0) {
    const series = await toggle.getAttribute('data-series');
    const figure = page.locator('figure', { has: toggle }).first();
    const shown = () => figure.locator(`.x${series}`).evaluateAll((marks) => marks.filter((m) => getComputedStyle(m).display !== 'none').length);
    const before = await shown();
    await toggle.click();
    const after = await shown();
    await toggle.click();
    if (before === 0 || after !== 0 || await shown() !== before) say(`a toggle leaves ${before}, ${after}, ${await shown()} marks`);
  }
}

// Where no time runs the cursor goes from stop to stop, and says what stands there.
async function stops(page, say) {
  await page.evaluate(() => document.querySelectorAll('details.part').forEach((part) => { part.open = true; }));
  const plots = page.locator('.plot[data-stops]');
  for (let n = 0; n < await plots.count(); n += 1) {
    const plot = plots.nth(n);
    const id = await plot.evaluate((element) => element.parentElement.id);
    const told = () => plot.evaluate((element) => element.parentElement.querySelector('.readout').textContent);
    const on = () => plot.locator('.cursor.on').count();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
    if (await on() !== 1 || !/\d/.test(await told())) say(`the cursor of ${id} says "${await told()}"`);
    await page.mouse.move(0, 0);
    await plot.focus();
    await page.keyboard.press('Home');
    const first = await told();
    await page.keyboard.press('ArrowRight');
    const second = await told();
    await page.keyboard.press('End');
    if (new Set([first, second, await told()]).size < 2) say(`the keys do not move the cursor of ${id}: ${first}`);
    await page.keyboard.press('Escape');
    if (await on() !== 0) say(`Escape does not hide the cursor of ${id}`);
  }
}

// Dragging looks closer in every chart over time, and the button shows all again.
async function zoom(page, clocks, say) {
  const widths = () => page.locator('.plane').evaluateAll((planes) => planes.map((plane) => plane.viewBox.baseVal.width));
  const before = await widths();
  const box = await clocks.first().boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.4, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y);
  await page.mouse.move(box.x + box.width * 0.6, y);
  await page.mouse.up();
  const after = await widths();
  if (!after.every((width, i) => width < before[i] * 0.5)) say(`dragging does not look closer: ${before} became ${after}`);
  const ticks = await clocks.first().locator('.ticks text').count();
  if (ticks < 2) say(`${ticks} ticks when looked at closely`);
  for (const what of new Set(await page.evaluate(layout))) say(`looked at closely, ${what}`);
  await page.locator('button.all').first().click();
  if (JSON.stringify(await widths()) !== JSON.stringify(before)) say(`all of the time is not shown again: ${await widths()}`);
  await clocks.first().focus();
  await page.keyboard.press('+');
  if ((await widths())[0] >= before[0]) say('the key + does not look closer');
  await page.keyboard.press('0');
}

// A click on the head of a column puts figures in their order, whatever their units; a second one turns it round.
async function sorting(page, say) {
  const head = page.locator('main section table:visible thead th.n button').first();
  if (await head.count() === 0) return;
  const cells = () => head.evaluate((button) => {
    const column = button.parentElement.cellIndex;
    return [...button.closest('table').tBodies[0].rows].map((row) => row.cells[column].textContent);
  });
  const before = await cells();
  await head.click();
  const up = await cells();
  await head.click();
  const down = await cells();
  const known = (list) => list.filter((cell) => /\d/.test(cell)).join('|');
  if ([...before].sort().join() !== [...up].sort().join()) say(`sorting loses cells: ${before} became ${up}`);
  if (new Set(before).size > 1 && known(up) === known(down)) say(`sorting does not turn round: ${up}`);
}

async function marks(page, say, kind) {
  const found = await page.evaluate(() => ({
    title: document.title,
    sections: document.querySelectorAll('main section').length,
    figures: [...document.querySelectorAll('figure')].map((figure) => [figure.id, figure.querySelectorAll('svg path, svg text').length]),
    broken: [...document.querySelectorAll('a[href^="#"], svg a')].map((a) => (a.getAttribute('href') || '').slice(1)).filter((id) => !document.getElementById(id)),
    ids: [...document.querySelectorAll('[id]')].map((e) => e.id),
  }));
  if (found.sections < 3) say(`${found.sections} sections`);
  if (found.figures.length === 0 && kind !== 'check') say('no figure');
  if (kind === 'page' && await page.locator('.plot[data-clock]').count() < 4) say('no charts over time');
  if (['page', 'compare'].includes(kind) && await page.locator('#f-latency .plot[data-stops]').count() !== 1) say('no cursor over percentiles');
  if (kind.startsWith('grid') && await page.locator('#f-capacity-grid .plot svg path').count() < 2) say('no picture of the grid');
  if (kind === 'compare' && await page.locator('#f-latency .legend button').count() !== 2) say('no curves over each other');
  if (kind === 'pairs' && await page.locator('#f-sweep text').count() < 8) say('no map of two settings');
  for (const [id, count] of found.figures) if (count < 2) say(`${id} has ${count} marks`);
  for (const id of found.broken) say(`a link leads to #${id}, which is not there`);
  const twice = found.ids.filter((id, i) => found.ids.indexOf(id) !== i);
  if (twice.length > 0) say(`the same id twice: ${twice}`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
for (const file of pages) {
  const address = pathToFileURL(resolve(file)).href;
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      const page = await context.newPage();
      const say = (what) => wrong.push(`${file} at ${width}, ${colorScheme}: ${what}`);
      page.on('console', (message) => say(`console: ${message.text()}`));
      page.on('pageerror', (error) => say(`error: ${error.message}`));
      page.on('request', (request) => {
        if (request.url() !== address && !request.url().startsWith('data:')) say(`asks for ${request.url()}`);
      });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(address);
      for (const what of new Set(await page.evaluate(layout))) say(what);
      if (width === 1024) {
        await marks(page, say, basename(file, '.html'));
        await page.evaluate(() => document.querySelectorAll('details').forEach((part) => { part.open = true; }));
        for (const what of new Set(await page.evaluate(layout))) say(`with all unfolded, ${what}`);
        await interaction(page, say);
      }
      if (width !== 1600) {
        await page.evaluate(axe);
        const found = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }));
        for (const rule of found.violations) {
          say(`axe ${rule.id} (${rule.impact}): ${rule.help}, ${rule.nodes.length} times, first ${rule.nodes[0].target}`);
        }
      }
      if (shots !== '-') {
        await page.screenshot({ path: join(shots, `${basename(file, '.html')}-${width}-${colorScheme}.png`), fullPage: true });
      }
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
wrong.forEach((what) => console.log(what));
console.log(`${pages.length} pages, ${wrong.length} wrong`);
process.exit(wrong.length === 0 ? 0 : 1);
