// Draws each figure that has data, and redraws it when its data, width or theme change. The figure itself holds the
// same as a sentence and a table.
"use strict";

const HEIGHT = 192;
const drawn = new Map();
const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const inUtc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

const axis = (more) => ({
  stroke: () => theme("--flower-text-muted"),
  grid: { stroke: () => theme("--bs-border-color"), width: 1 },
  ticks: { stroke: () => theme("--bs-border-color"), width: 1 },
  ...more,
});

// From the largest step down: the labels of ticks, and what is added where a year or a day begins.
const moments = [
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

// Labels end with seconds, so ticks are whole seconds apart: a job of one second would repeat its labels.
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const seconds = [
  1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
  hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 5 * day, 10 * day, 30 * day, 90 * day, 365 * day,
];

// Show points without neighbours: a line needs two values.
const lone = (values) =>
  values.flatMap((value, at) => (value !== null && values[at - 1] == null && values[at + 1] == null ? [at] : []));

const options = (data, place) => ({
  width: Math.max(place.clientWidth, 120),
  height: HEIGHT,
  tzDate: inUtc,
  cursor: { y: false },
  axes: [axis({ space: 72, values: moments, incrs: seconds }), axis({ size: 64 })],
  scales: { y: { range: (_plot, _least, most) => [0, Math.max(1.05 * (most || 0), data.top || 0) || 1] } },
  series: [
    { label: "Time (UTC)", value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
    { label: data.label, stroke: () => theme("--flower-active"), width: 2, points: { show: true, size: 5, filter: () => lone(data.values) } },
  ],
});

const draw = (figure) => {
  const place = figure.querySelector(".plot-canvas");
  const before = drawn.get(figure.id);
  if (before) {
    if (before.given === figure.dataset.plot && before.plot.root.parentNode === place) {
      return;
    }
    before.plot.destroy();
  }
  const data = JSON.parse(figure.dataset.plot);
  place.replaceChildren();
  const plot = new uPlot(options(data, place), [data.times, data.values], place);
  drawn.set(figure.id, { plot, place, given: figure.dataset.plot });
  widths.observe(place);
};

const drawAll = () => {
  for (const [id, { plot }] of drawn) {
    if (!document.getElementById(id)) {
      plot.destroy();
      drawn.delete(id);
    }
  }
  document.querySelectorAll("figure[data-plot]").forEach(draw);
};

const widths = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const known = drawn.get(target.parentNode?.id);
    if (known && known.place === target && target.clientWidth && known.plot.width !== target.clientWidth) {
      known.plot.setSize({ width: target.clientWidth, height: known.plot.height });
    }
  }
});

new MutationObserver(() => drawn.forEach(({ plot }) => plot.redraw())).observe(document.documentElement, {
  attributes: true,
  attributeFilter: ["data-bs-theme"],
});
document.addEventListener("htmx:afterSwap", drawAll);
drawAll();
