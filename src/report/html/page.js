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

  // One cursor for all charts over time: by pointer, or with the arrow keys on a focused chart.
  const clocks = all('.plot[data-clock]').map((plot) => {
    const [left, right, to] = plot.dataset.clock.split(' ').map(Number);
    const svg = plot.querySelector('svg');
    const cursor = document.createElementNS(svg.namespaceURI, 'line');
    cursor.setAttribute('class', 'cursor');
    cursor.setAttribute('y1', '24');
    cursor.setAttribute('y2', String(svg.viewBox.baseVal.height - 28));
    svg.append(cursor);
    const lines = (plot.dataset.lines || '').split(' ').filter(Boolean).map((n) => series.lines[n]);
    return { plot, svg, cursor, left, right, to, lines, readout: plot.parentElement.querySelector('.readout') };
  });
  let now = null;
  const show = (t) => {
    now = t;
    const point = Math.min(series.points - 1, Math.floor(t / series.step_s));
    for (const clock of clocks) {
      const x = clock.left + (clock.right - clock.left) * Math.min(1, t / clock.to);
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
  for (const clock of clocks) {
    clock.plot.addEventListener('pointermove', (event) => {
      const box = clock.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) * clock.svg.viewBox.baseVal.width / box.width;
      if (x < clock.left || clock.right < x) return;
      show((x - clock.left) / (clock.right - clock.left) * clock.to);
    });
    clock.plot.addEventListener('pointerleave', hide);
    clock.plot.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === 'Escape') hide();
      if (!step) return;
      event.preventDefault();
      const from = now === null ? 0 : now;
      show(Math.max(0, Math.min(clock.to - series.step_s, from + step * series.step_s)));
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
