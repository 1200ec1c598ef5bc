"use strict";
// Draws the charts in the colours of the page: again when it turns from light to dark, and for paper.
(() => {
  const { figures, texts } = JSON.parse(document.getElementById("charts").textContent);
  for (const { data } of Object.values(figures)) {
    for (const trace of data) {
      if (Array.isArray(trace.text)) trace.text = trace.text.map((index) => texts[index]);
    }
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = {
    displaylogo: false,
    responsive: true,
    displayModeBar: window.matchMedia("(hover: hover)").matches ? "hover" : false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };

  const palette = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue("--" + name.slice(1)).trim();
  };
  const painted = (value, colour, key = "") => {
    if (Array.isArray(value)) return value.map((item) => (item && typeof item === "object" ? painted(item, colour) : item));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, painted(item, colour, name)]));
    }
    return typeof value === "string" && value.startsWith("@") && key.endsWith("color") ? colour(value) : value;
  };

  const draw = ([key, chart], colour) => {
    const place = document.getElementById("plot-" + key);
    const size = { height: place.clientHeight, width: place.clientWidth, autosize: true };
    return Plotly.react(place, painted(chart.data, colour), { ...painted(chart.layout, colour), ...size }, config);
  };

  const root = document.documentElement;
  let round = 0;
  const drawAll = () => {  // one after the other, so that the page can be read meanwhile
    const mine = ++round;
    const colour = palette();
    const left = Object.entries(figures);
    root.removeAttribute("data-drawn");
    const next = () => {
      if (mine !== round) return;
      if (!left.length) return void root.setAttribute("data-drawn", String(mine));
      draw(left.shift(), colour).then(() => setTimeout(next, 0));
    };
    next();
  };
  const drawForPaper = () => {  // all at once: the printer does not wait
    round += 1;
    root.setAttribute("data-paper", "");
    const colour = palette();
    for (const figure of Object.entries(figures)) draw(figure, colour);
  };
  window.addEventListener("beforeprint", drawForPaper);
  window.addEventListener("afterprint", () => {
    root.removeAttribute("data-paper");
    drawAll();
  });
  dark.addEventListener("change", () => root.hasAttribute("data-paper") || drawAll());
  drawAll();
})();
