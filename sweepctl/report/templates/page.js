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

  let round = 0;
  const drawAll = () => {
    const mine = ++round;
    const colour = palette();
    const left = Object.entries(figures);
    document.documentElement.removeAttribute("data-drawn");
    const next = () => {
      if (mine !== round) return;
      if (!left.length) return void document.documentElement.setAttribute("data-drawn", String(mine));
      const [key, chart] = left.shift();
      const place = document.getElementById("plot-" + key);
      const width = place.clientWidth;
      const layout = { ...painted(chart.layout, colour), height: place.clientHeight, width, autosize: true };
      Plotly.react(place, painted(chart.data, colour), layout, config).then(() => setTimeout(next, 0));
    };
    next();
  };
  dark.addEventListener("change", drawAll);
  drawAll();
})();
