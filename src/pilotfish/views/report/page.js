"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  // Colours come by role, so that one figure serves both schemes; names from outside are never taken for a role.
  const fill = (x, key) =>
    typeof x === "string" ? (/color$/.test(key) && x[0] === "$" ? colour(x.slice(1)) : x)
    : Array.isArray(x) ? (typeof x[0] === "number" ? x : x.map((v) => fill(v, "")))
    : x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, fill(v, k)]))
    : x;
  // plotly's own choice of buttons holds one that sends the data to its server: buttons one by one, and no address.
  const config = {
    responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", topojsonURL: "",
    modeBarButtons: [["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  };
  const draw = (id) => {
    const at = document.getElementById("plot-" + id);
    const spec = fill(charts[id].figure, "");
    spec.layout.font.family = getComputedStyle(document.body).fontFamily;
    const pick = document.getElementById("pick-" + id);
    if (pick) charts[id].views[pick.value][1].forEach((shown, i) => { spec.data[i].visible = shown; });
    if (window.innerWidth < 560) {  // room for the legend; the amounts are in the table below
      spec.layout.height += 24 * spec.data.filter((t) => spec.layout.showlegend && t.showlegend !== false).length;
      spec.data.forEach((t) => { if (t.type === "waterfall") t.textposition = "none"; });
    }
    Plotly.react(at, spec.data, spec.layout, config);
  };
  const all = () => Object.keys(charts).forEach((id) => {
    try { draw(id); } catch (bad) {
      document.getElementById("plot-" + id).textContent = "This chart could not be drawn: " + bad.message;
    }
  });
  Object.keys(charts).forEach((id) => {
    const pick = document.getElementById("pick-" + id);
    if (pick) pick.addEventListener("change", () => draw(id));
  });
  dark.addEventListener("change", all);
  document.querySelectorAll("button[data-copy]").forEach((button) => button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {  // a page opened from a file may not have the clipboard
      const box = document.createElement("textarea");
      box.value = button.dataset.copy;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  }));
  all();
})();
