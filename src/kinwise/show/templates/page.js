(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const narrow = window.matchMedia("(max-width: 640px)");
  const touch = window.matchMedia("(hover: none)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // A copy of a figure in which every CSS variable has the value it has on this page now.
  function coloured(value, style) {
    if (typeof value === "string") {
      const variable = /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return (variable && style.getPropertyValue(variable[1]).trim()) || value;
    }
    if (Array.isArray(value)) return value.map((entry) => coloured(entry, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, coloured(entry, style)]));
  }

  function change(layout, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    let place = layout;
    for (const key of keys) place = place[key] ??= {};
    place[last] = value;
  }

  function draw(box) {
    const figure = coloured(figures[box.dataset.chart], getComputedStyle(document.documentElement));
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
    return Plotly.react(box, figure.data, layout, {
      displaylogo: false,
      displayModeBar: still ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      scrollZoom: false,
    });
  }

  const boxes = [...document.querySelectorAll("[data-chart]")];

  // One chart after the other, so that the page answers meanwhile.
  async function drawAll() {
    document.documentElement.dataset.charts = "drawing";
    for (const box of boxes) {
      await draw(box);
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.charts = "drawn";
  }

  let queue = drawAll();
  let width = window.innerWidth;
  let timer;
  function again() {
    clearTimeout(timer);
    timer = setTimeout(() => (queue = queue.then(drawAll)), 120);
  }
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) again();
    width = window.innerWidth;
  });
  dark.addEventListener("change", again);

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
})();
