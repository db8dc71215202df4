// The base of every page: it draws the figures, sorts tables, copies commands and marks the place that is being read.
const kinwise = (() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const narrow = window.matchMedia("(max-width: 640px)");
  const touch = window.matchMedia("(hover: none)");
  const root = document.documentElement;
  const boxes = [...document.querySelectorAll("[data-chart]")];
  // By the name of a chart: what makes its figure for a width, where that depends on more than colours; and what to do
  // once it stands for the first time.
  const makers = {};
  const firsts = {};

  // A copy of a figure in which every CSS variable has the value it has on this page now.
  function coloured(value, style) {
    if (typeof value === "string") {
      const variable = value.startsWith("var(") && /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return (variable && style.getPropertyValue(variable[1]).trim()) || value;
    }
    if (Array.isArray(value)) {
      return typeof value.at(-1) === "number" ? value : value.map((entry) => coloured(entry, style));
    }
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, coloured(entry, style)]));
  }

  function change(layout, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    let place = layout;
    for (const key of keys) place = place[key] ??= {};
    place[last] = value;
  }

  // Plotly's script takes longer to run than all else together, so it runs when the first chart is drawn.
  function needPlotly() {
    if (!window.Plotly) document.head.append(element("script", document.getElementById("plotly").textContent));
  }

  async function draw(box) {
    needPlotly();
    const name = box.dataset.chart;
    const made = makers[name]?.(box.clientWidth) ?? figures[name];
    const figure = coloured(made, getComputedStyle(root));
    const { layout } = figure;
    const { meta } = layout;
    const still = !meta.zoom || narrow.matches || touch.matches;
    if (narrow.matches) {
      for (const [path, value] of Object.entries(meta.narrow ?? {})) change(layout, path, value);
    }
    layout.width = box.clientWidth;
    if (meta.square) {
      const { l, r, t, b } = { ...layout.template.layout.margin, ...layout.margin };
      layout.height = layout.width - l - r + t + b;
    }
    if (still) layout.dragmode = false;
    box.style.minHeight = box.style.aspectRatio = "auto";
    await Plotly.react(box, figure.data, layout, {
      displaylogo: false,
      displayModeBar: still || meta.own_tools ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      scrollZoom: false,
      doubleClick: meta.own_tools ? false : "reset+autosize",
    });
    firsts[name]?.(box);
    delete firsts[name];
  }

  // One chart after the other, so that the page answers meanwhile.
  let waiting = 0;
  let queue = Promise.resolve();
  function redraw(names) {
    const wanted = boxes.filter((box) => !names || names.includes(box.dataset.chart));
    waiting += 1;
    root.dataset.charts = "drawing";
    queue = queue.then(async () => {
      for (const box of wanted) {
        await draw(box);
        await new Promise((next) => setTimeout(next));
      }
      waiting -= 1;
      if (!waiting) root.dataset.charts = "drawn";
    });
  }
  function drawAtOnce() {
    for (const box of boxes) draw(box);
  }

  window.addEventListener("load", () => setTimeout(redraw));
  let width = window.innerWidth;
  let timer;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(redraw, 120);
  });

  // Sorting: by what a cell's data-value says, a number where both are numbers.
  function compare(a, b) {
    const [x, y] = [Number(a), Number(b)];
    return a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y) ? x - y : a.localeCompare(b);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].sort(
          (a, b) => compare(a.cells[column].dataset.value, b.cells[column].dataset.value) * (falling ? -1 : 1),
        );
        body.append(...rows);
      });
    });
  }

  // Copying; where the page may not write to the clipboard, the command is selected instead.
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 1600);
    });
  }

  // The entry of the contents that is being read.
  const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
    },
    { rootMargin: "-30% 0px -65% 0px" },
  );
  for (const section of document.querySelectorAll("section[id]")) watcher.observe(section);

  // A name as plotly shows it literally: what it would take for tags is escaped.
  function literal(name) {
    return name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  }
  // A share 0..1 in per cent, and a count, as they stand in the tables.
  const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}\u00a0%`;
  const thousands = new Intl.NumberFormat("en-US");
  const amount = (count) => (count < 1000 ? String(count) : thousands.format(count));
  // An element with a text and attributes.
  function element(tag, text = "", attributes = {}) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  return { figures, makers, firsts, narrow, touch, redraw, drawAtOnce, literal, percent, amount, element };
})();
