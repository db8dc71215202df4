// The confusion matrix that folds: which nodes are open, what stands in the cells, and the drawing.
kinwise.matrix = (() => {
  "use strict";
  const { figures, makers, firsts, narrow, literal, percent, amount, pictures } = kinwise;
  const { tree, truth, answered } = pictures;
  const base = figures.confusion;
  const { most, readable } = base.layout.meta;
  const state = { opened: new Set(), before: new Set(), branch: 0, zoom: null };
  const watchers = [];
  let table;

  // --- what stands in the cells --------------------------------------------------------------------------------------

  // Of the nodes, the most that may be drawn: those with the most mistakes, in the order of the tree.
  function fewer(nodes, mistakes) {
    if (nodes.length <= most) return nodes;
    const kept = new Set([...nodes].sort((a, b) => mistakes.get(b) - mistakes.get(a) || a - b).slice(0, most));
    return nodes.filter((node) => kept.has(node));
  }

  // For each class the open node that it lies in.
  function holders(nodes) {
    const found = new Map();
    for (const node of nodes) {
      for (let at = tree.first[node]; at < tree.first[node] + tree.size[node]; at += 1) found.set(tree.walk[at], node);
    }
    return found;
  }

  // Rows, columns and how many pictures each cell holds; the rows are those of the chosen branch.
  function count() {
    const all = tree.unfolded(0, new Set([0, ...state.opened]));
    const holder = holders(all);
    const inside = (node) => tree.isUnder(node, state.branch) || tree.isUnder(state.branch, node);
    const pairs = new Map();
    const mistakes = new Map(all.map((node) => [node, 0]));
    const totals = new Map(mistakes);
    for (let row = 0; row < truth.length; row += 1) {
      if (!tree.isUnder(truth[row], state.branch)) continue;
      const [a, b] = [holder.get(truth[row]), holder.get(answered[row])];
      totals.set(a, totals.get(a) + 1);
      const key = a * tree.parents.length + b;
      pairs.set(key, (pairs.get(key) ?? 0) + 1);
      if (a === b) continue;
      mistakes.set(a, mistakes.get(a) + 1);
      mistakes.set(b, mistakes.get(b) + 1);
    }
    const columns = fewer(all, mistakes);
    const rows = columns.filter(inside);
    return { all, rows, columns, totals, of: (a, b) => pairs.get(a * tree.parents.length + b) ?? 0 };
  }

  function kind(a, b) {
    if (a !== b) return tree.severities[tree.severity(a, b)];
    return tree.children[a].length ? "right at this level" : tree.severities[0];
  }

  // What a cell says when it is pointed at.
  function words(a, b) {
    const [found, total] = [table.of(a, b), table.totals.get(a)];
    const share = total ? `, ${percent(found / total)} of the row` : "";
    return (
      `true <b>${literal(tree.names[a])}</b><br>answered <b>${literal(tree.names[b])}</b><br>` +
      `${amount(found)} of ${amount(total)} pictures${share}<br>${literal(kind(a, b))}`
    );
  }

  // --- the drawing ---------------------------------------------------------------------------------------------------

  // Where runs of nodes under one open node start and end, and how deep that node is.
  function families(nodes) {
    const found = new Map();
    nodes.forEach((node, place) => {
      for (let above = tree.parents[node]; above > 0; above = tree.parents[above]) {
        const family = found.get(above) ?? { node: above, start: place };
        family.end = place + 1;
        found.set(above, family);
      }
    });
    return [...found.values()];
  }

  // A box around each family on the diagonal, where its rows and columns meet.
  function boxes(rows, columns) {
    const place = new Map(families(columns).map((family) => [family.node, family]));
    const [x, y] = [[], []];
    for (const { node, start, end } of families(rows)) {
      const across = place.get(node);
      const [left, right, top, bottom] = [across.start - 0.5, across.end - 0.5, start - 0.5, end - 0.5];
      x.push(left, right, right, left, left, null);
      y.push(top, top, bottom, bottom, top, null);
    }
    return { x, y };
  }

  // The names of families to the right of their rows, where there is room: of the nearest ones above the rows.
  function familyNames(rows, low, high, pixels) {
    const found = [];
    let free = -Infinity;
    for (let start = 0; start < rows.length; ) {
      const parent = tree.parents[rows[start]];
      let end = start + 1;
      while (end < rows.length && tree.parents[rows[end]] === parent) end += 1;
      const [from, to] = [Math.max(start - 0.5, low), Math.min(end - 0.5, high)];
      const middle = (from + to) / 2;
      if (parent && to > from && (middle - free) * pixels >= 13) {
        found.push({ y: middle, name: tree.names[parent] });
        free = middle;
      }
      start = end;
    }
    return found;
  }

  function short(name, length) {
    return literal(name.length > length ? `${name.slice(0, length - 1)}…` : name);
  }

  function limits(axis, size) {
    const [low, high] = state.zoom?.[axis] ?? [-0.5, size - 0.5];
    return [Math.max(Math.min(low, high), -0.5), Math.min(Math.max(low, high), size - 0.5)];
  }

  function make(width) {
    const { rows, columns } = table;
    const [left, right] = limits("x", columns.length);
    const [top, bottom] = limits("y", rows.length);
    const longest = narrow.matches ? 15 : 28;
    const length = (nodes) => Math.min(Math.max(...nodes.map((node) => tree.names[node].length)), longest);
    const guess = (width * (narrow.matches ? 0.55 : 0.68)) / (right - left);
    const named = guess >= 5;
    const least = named ? Math.min(26, 420 / (bottom - top)) : 0; // rows of few columns need not be low
    const font = (space) => Math.min(Math.max(space * 0.92, 6), narrow.matches ? 10 : 12);
    const [across, down] = [font(guess), font(Math.max(guess, least))];
    const room = (nodes, size) => (named ? 26 + 0.51 * size * length(nodes) : 30);
    const longestBeside = narrow.matches ? 16 : 26;
    const names = narrow.matches && named ? [] : familyNames(rows, top, bottom, guess);
    const beside = Math.max(0, ...names.map(({ name }) => 6 * Math.min(name.length, longestBeside)));
    const margin = { l: room(rows, down), t: 8, b: room(columns, across), r: 12 + beside };
    const cell = (width - margin.l - margin.r) / (right - left);
    const tall = Math.max(cell, least);
    const texts = cell >= 21 && tall >= 16;
    const share = (a, b) => table.of(a, b) / Math.max(table.totals.get(a), 1);
    const axis = (nodes, range, size) => ({
      range,
      tickvals: nodes.map((_, place) => place),
      ticktext: nodes.map((node) => short(tree.names[node], longest)),
      showticklabels: named,
      tickfont: { ...base.layout.template.layout.xaxis.tickfont, size },
    });
    const heat = {
      ...base.data[0],
      z: rows.map((a) => columns.map((b) => tree.severity(a, b) + 0.999 * share(a, b) ** 0.4)),
      hovertext: rows.map((a) => columns.map((b) => words(a, b))),
      ...(columns.length > 80 && { xgap: 0, ygap: 0 }),
      ...(texts && {
        text: rows.map((a) => columns.map((b) => (share(a, b) >= 0.005 ? (100 * share(a, b)).toFixed(0) : ""))),
        texttemplate: "%{text}",
        textfont: { size: Math.min(12, cell / 2.6) },
      }),
    };
    return {
      data: [heat, { ...base.data[1], ...boxes(rows, columns) }],
      layout: {
        ...base.layout,
        dragmode: "zoom",
        height: margin.t + margin.b + tall * (bottom - top),
        margin,
        xaxis: { ...base.layout.xaxis, ...axis(columns, [left, right], across) },
        yaxis: { ...base.layout.yaxis, ...axis(rows, [bottom, top], down) },
        annotations: names.map(({ y, name }) => ({
          x: 1,
          xref: "paper",
          xanchor: "left",
          xshift: 6,
          y,
          yref: "y",
          showarrow: false,
          text: short(name, longestBeside),
          font: { size: narrow.matches ? 9 : 11.5, color: "var(--muted)" },
        })),
      },
    };
  }
  makers.confusion = make;

  // --- opening and closing -------------------------------------------------------------------------------------------

  function changed() {
    state.zoom = null;
    table = count();
    for (const watch of watchers) watch();
    kinwise.redraw(["confusion"]);
  }

  // What is open when a level is shown whole.
  function openAbove(level) {
    return new Set(tree.nodes.filter((node) => tree.children[node].length && tree.depth[node] <= level));
  }
  function show(level) {
    state.opened = openAbove(level);
    changed();
  }
  function isShown(level) {
    const wanted = new Set(tree.levelNodes[level]);
    return table.all.length === wanted.size && table.all.every((node) => wanted.has(node));
  }
  function toggle(node) {
    if (!state.opened.delete(node)) state.opened.add(node);
    changed();
  }

  // The finest level that can be read, else the coarsest.
  function start() {
    const sizes = tree.levelNodes.map((nodes) => nodes.length);
    return Math.max(sizes.findLastIndex((size) => size <= readable), 0);
  }

  function zoom(factor) {
    const inner = (axis, size) => {
      const [low, high] = limits(axis, size);
      const middle = (low + high) / 2;
      const half = Math.min(Math.max(((high - low) / 2) * factor, 1), size / 2);
      const from = Math.min(Math.max(middle - half, -0.5), size - 0.5 - 2 * half);
      return [from, from + 2 * half];
    };
    state.zoom = factor ? { x: inner("x", table.columns.length), y: inner("y", table.rows.length) } : null;
    kinwise.redraw(["confusion"]);
  }

  firsts.confusion = (box) => {
    let timer;
    // Zoomed in, a click may be the first half of the double click that zooms out.
    box.on("plotly_click", ({ points }) => {
      const [row, column] = points[0].pointIndex ?? points[0].pointNumber;
      clearTimeout(timer);
      timer = setTimeout(() => kinwise.showCell(table.rows[row], table.columns[column]), state.zoom ? 320 : 0);
    });
    box.on("plotly_relayout", (change) => {
      if (!("xaxis.range[0]" in change) && !("yaxis.range[0]" in change)) return;
      const { xaxis, yaxis } = box._fullLayout;
      state.zoom = { x: xaxis.range.slice(), y: yaxis.range.slice() };
      kinwise.redraw(["confusion"]);
    });
    box.on("plotly_doubleclick", () => {
      if (state.zoom) clearTimeout(timer);
      zoom(0);
    });
  };

  // A branch is unfolded as far as it can be read; what was open before comes back with all pictures.
  document.addEventListener("kinwise:filter", ({ detail: { node } }) => {
    if (!state.branch) state.before = state.opened;
    state.branch = node;
    state.opened = new Set(state.before);
    for (let above = node; above > 0; above = tree.parents[above]) state.opened.add(above);
    const below = tree.nodes.filter((one) => tree.isUnder(one, node));
    if (node && tree.size[node] <= readable) for (const one of below) state.opened.add(one);
    changed();
  });

  state.opened = openAbove(start());
  table = count();

  return {
    state,
    show,
    isShown,
    toggle,
    zoom,
    kind,
    watch: (does) => watchers.push(does),
    table: () => table,
  };
})();
