'use strict';
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const report = JSON.parse(document.getElementById('report').textContent);
  const series = report.pictures ? report.pictures.series : { step_s: 1, points: 0, lines: [] };

  // Figures as in the text: three digits and the unit that keeps them short.
  const short = (x) => (x === 0 ? '0' : String(Number(x.toPrecision(3))));
  const time = (s) => s >= 60 ? `${Math.floor(s / 60)}m ${Math.round(s % 60)}s` : s >= 1 ? `${short(s)} s`
    : s >= 1e-3 ? `${short(s * 1e3)} ms` : `${short(s * 1e6)} us`;
  const count = (x) => x >= 1e6 ? `${short(x / 1e6)}M` : x >= 1e4 ? `${short(x / 1e3)}k` : short(x);
  const shown = {
    offered: (x) => `${count(x)}/s`, served: (x) => `${count(x)}/s`, failed: (x) => `${count(x)}/s`,
    p50: time, p99: time, busy: (x) => `${short(x * 100)}%`, hits: (x) => `${short(x * 100)}%`,
  };
  const name = (line) => line.of || line.what.replace('_', ' ');

  // Series are shown and hidden by their name in the legend.
  for (const button of all('.legend button')) {
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(on));
      for (const mark of all(`.x${button.dataset.series}`, button.closest('figure'))) {
        mark.style.display = on ? '' : 'none';
      }
    });
  }

  // One cursor and one stretch of time for all charts over time: by pointer, or with keys on a chart that has the focus.
  const svgOf = (parent, name, attributes, text) => {
    const made = document.createElementNS(parent.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const clocks = all('.plot[data-clock]').map((plot) => {
    const [left, right, to] = plot.dataset.clock.split(' ').map(Number);
    const svg = plot.querySelector('svg');
    const planes = all('.plane', svg);
    const box = planes.length ? planes[0].viewBox.baseVal : svg.viewBox.baseVal;
    const [top, bottom] = [box.y, box.y + box.height];
    const cursor = svgOf(svg, 'line', { class: 'cursor', y1: top, y2: bottom });
    const ticks = svgOf(svg, 'g', { class: 'ticks' });
    const lines = (plot.dataset.lines || '').split(' ').filter(Boolean).map((n) => series.lines[n]);
    const figure = plot.parentElement;
    return {
      plot, svg, planes, cursor, ticks, left, right, to, top, bottom, lines,
      readout: figure.querySelector('.readout'), button: figure.querySelector('.all'),
    };
  });
  const longest = Math.max(0, ...clocks.map((clock) => clock.to));
  const steps = [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];
  let now = null;
  let view = null;
  const seen = (clock) => view || [0, clock.to];
  const place = (clock, t) => {
    const [from, to] = seen(clock);
    return clock.left + (clock.right - clock.left) * (t - from) / (to - from);
  };
  const moment = (clock, x) => {
    const [from, to] = seen(clock);
    return from + (to - from) * (x - clock.left) / (clock.right - clock.left);
  };
  const show = (t) => {
    now = t;
    const point = Math.min(series.points - 1, Math.floor(t / series.step_s));
    for (const clock of clocks) {
      const x = Math.max(clock.left, Math.min(clock.right, place(clock, t)));
      clock.cursor.setAttribute('x1', x);
      clock.cursor.setAttribute('x2', x);
      clock.cursor.classList.add('on');
      const told = clock.lines.map((line) => {
        const value = line.mid[point];
        return `${name(line)} ${value === null || value === undefined ? '–' : (shown[line.what] || count)(value)}`;
      });
      if (clock.readout) clock.readout.textContent = [`at ${time(point * series.step_s)}`, ...told].join(' · ');
    }
  };
  const hide = () => {
    now = null;
    for (const clock of clocks) {
      clock.cursor.classList.remove('on');
      if (clock.readout) clock.readout.textContent = '';
    }
  };
  // A stretch of time in all charts, or all of it (null).
  const look = (from, to) => {
    const short = Math.max(4 * series.step_s, longest * 1e-3);
    view = from === null || longest <= to - from ? null : [Math.max(0, from), Math.min(longest, Math.max(to, from + short))];
    for (const clock of clocks) {
      const wide = clock.right - clock.left;
      const [start, end] = seen(clock);
      for (const plane of clock.planes) {
        const box = plane.viewBox.baseVal;
        box.x = clock.left + wide * start / clock.to;
        box.width = wide * (end - start) / clock.to;
      }
      clock.plot.classList.toggle('zoomed', view !== null);
      clock.ticks.replaceChildren();
      if (clock.button) clock.button.hidden = view === null;
      if (view === null) continue;
      const step = steps.find((step) => (end - start) / step <= 7) || (end - start) / 5;
      for (let t = Math.ceil(start / step) * step; t <= end; t += step) {
        const x = place(clock, t);
        svgOf(clock.ticks, 'path', { class: 'i-faint', d: `M${x} ${clock.bottom}v4` });
        svgOf(clock.ticks, 'text', { class: 'f-faint', x, y: clock.bottom + 18, 'text-anchor': 'middle' }, time(t));
      }
    }
    if (now !== null) show(now);
  };
  const closer = (by) => {
    const [from, to] = view || [0, longest];
    const middle = now === null ? (from + to) / 2 : now;
    const half = (to - from) * by / 2;
    const start = Math.max(0, Math.min(middle - half, longest - 2 * half));
    look(start, start + 2 * half);
  };
  for (const clock of clocks) {
    const at = (event) => {
      const box = clock.svg.getBoundingClientRect();
      return (event.clientX - box.left) * clock.svg.viewBox.baseVal.width / box.width;
    };
    let from = null;
    let chosen = null;
    const leave = () => {
      if (chosen) chosen.remove();
      [from, chosen] = [null, null];
    };
    clock.plot.addEventListener('pointerdown', (event) => {
      if (event.pointerType === 'touch' || event.button !== 0) return;
      from = Math.max(clock.left, Math.min(clock.right, at(event)));
    });
    clock.plot.addEventListener('pointermove', (event) => {
      const x = Math.max(clock.left, Math.min(clock.right, at(event)));
      if (from !== null && Math.abs(x - from) > 4) {
        event.preventDefault();
        chosen = chosen || svgOf(clock.svg, 'rect', { class: 'chosen', y: clock.top, height: clock.bottom - clock.top });
        chosen.setAttribute('x', Math.min(x, from));
        chosen.setAttribute('width', Math.abs(x - from));
      }
      show(moment(clock, x));
    });
    clock.plot.addEventListener('pointerup', () => {
      if (chosen) {
        const ends = [chosen.x.baseVal.value, chosen.x.baseVal.value + chosen.width.baseVal.value];
        look(...ends.map((x) => moment(clock, x)));
      }
      leave();
    });
    clock.plot.addEventListener('pointerleave', () => {
      leave();
      hide();
    });
    clock.plot.addEventListener('dblclick', () => look(null));
    if (clock.button) clock.button.addEventListener('click', () => look(null));
    clock.plot.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      const zoom = { '+': 0.5, '=': 0.5, '-': 2, '−': 2 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape') hide();
      if (event.key === '0') look(null);
      if (zoom) closer(zoom);
      if (step) {
        const [first, last] = seen(clock);
        const t = now === null ? first : now + step * series.step_s;
        show(Math.max(first, Math.min(last - series.step_s, t)));
      }
      if (step || zoom) event.preventDefault();
    });
  }
  // Where no time runs a cursor goes from one place of which something is known to the next.
  for (const plot of all('.plot[data-stops]')) {
    const [ends, ...told] = plot.dataset.stops.split('\n');
    const [y1, y2] = ends.split(' ');
    const stops = told.map((line) => [Number(line.slice(0, line.indexOf(' '))), line.slice(line.indexOf(' ') + 1)]);
    const svg = plot.querySelector('svg');
    const cursor = svgOf(svg, 'line', { class: 'cursor', y1, y2 });
    const readout = plot.parentElement.querySelector('.readout');
    let now = null;
    const show = (stop) => {
      now = Math.max(0, Math.min(stops.length - 1, stop));
      cursor.setAttribute('x1', stops[now][0]);
      cursor.setAttribute('x2', stops[now][0]);
      cursor.classList.add('on');
      readout.textContent = stops[now][1];
    };
    const hide = () => {
      now = null;
      cursor.classList.remove('on');
      readout.textContent = '';
    };
    plot.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
      const away = stops.map(([at]) => Math.abs(at - x));
      show(away.indexOf(Math.min(...away)));
    });
    plot.addEventListener('pointerleave', hide);
    plot.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape') hide();
      if (!step) return;
      // From nowhere, a step to the right comes to the first, one to the left to the last.
      const from = now === null ? (step === -1 ? stops.length : -1) : now;
      show(from + step);
      event.preventDefault();
    });
  }
  for (const hint of all('.hint')) hint.hidden = clocks.length === 0;

  // Tables are put in the order of a column: figures by size whatever their unit, words by their letters.
  const units = {
    ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400, k: 1e3, M: 1e6, G: 1e9, T: 1e12, B: 1, kB: 1e3, KB: 1e3,
    MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1024, MiB: 1048576, GiB: 1073741824, TiB: 1099511627776, '%': 0.01,
  };
  const size = (text) => {
    const found = /^[✓✗?·\s]*[<>±+]?(−|-)?\$?(\d[\d,]*\.?\d*)\s*([a-zA-Z%]*)(?:\s(\d+)(m|s)\b)?/.exec(text);
    if (!found) return null;
    const scale = (unit) => (unit in units ? units[unit] : 1);
    const more = found[4] ? Number(found[4]) * units[found[5]] : 0;
    return (found[1] ? -1 : 1) * (Number(found[2].replaceAll(',', '')) * scale(found[3]) + more);
  };
  for (const head of all('main thead')) {
    const body = head.nextElementSibling;
    if (!body || body.rows.length < 3) continue;
    const heads = [...head.rows[0].cells];
    heads.forEach((cell, column) => {
      if (!cell.textContent) return;
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = cell.textContent;
      cell.replaceChildren(button);
      button.addEventListener('click', () => {
        const up = cell.getAttribute('aria-sort') !== 'ascending';
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        cell.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const isFigure = cell.classList.contains('n') || [...body.rows].every((row) => size(row.cells[column].textContent) !== null);
        const keyed = [...body.rows].map((row) => [isFigure ? size(row.cells[column].textContent) : row.cells[column].textContent, row]);
        const known = keyed.filter(([key]) => key !== null);
        known.sort(([a], [b]) => (isFigure ? a - b : a.localeCompare(b, 'en', { numeric: true })) * (up ? 1 : -1));
        body.append(...known.map(([, row]) => row), ...keyed.filter(([key]) => key === null).map(([, row]) => row));
      });
    });
  }

  // What leads into a folded part unfolds it.
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === 'DETAILS') target.open = true;
  };
  window.addEventListener('hashchange', unfold);
  unfold();

  for (const button of all('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const text = document.getElementById(button.dataset.copy).textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // A page from a file may not be allowed to; selecting it leaves one key to press.
        getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
        return;
      }
      button.textContent = 'copied';
    });
  }
  for (const button of all('[data-save]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      const link = document.createElement('a');
      const file = new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' });
      link.href = URL.createObjectURL(file);
      link.download = button.dataset.save;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();
