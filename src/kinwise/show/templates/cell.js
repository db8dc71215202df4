// The pictures behind a cell of the confusion matrix: chosen by a click on it, or by two lists and a button.
(() => {
  "use strict";
  const { matrix, pictures, element, amount, percent } = kinwise;
  const { tree, truth, answered } = pictures;
  const MOST = 60;
  const panel = document.querySelector("#cell");
  const truths = document.querySelector("#cell-true");
  const given = document.querySelector("#cell-answered");
  const album = JSON.parse(document.querySelector("#album").textContent);
  const tiles = new Map();
  if (album) pictures.unpacked(album.rows).forEach((row, tile) => tiles.set(row, tile));
  let sheet;

  // The rows of a cell, the most confident first.
  function inside(a, b) {
    return pictures
      .rowsUnder(a)
      .filter((row) => tree.isUnder(truth[row], matrix.state.branch) && tree.isUnder(answered[row], b))
      .sort((one, other) => pictures.sure(other) - pictures.sure(one) || one - other);
  }

  function picture(row) {
    const tile = tiles.get(row);
    sheet ??= URL.createObjectURL(new Blob([pictures.bytes(album.webp)], { type: "image/webp" }));
    const scale = Math.max(Math.round(96 / album.side), 1);
    const made = element("div", "", { role: "img" });
    const side = album.side * scale;
    Object.assign(made.style, {
      width: `${side}px`,
      height: `${side}px`,
      backgroundImage: `url(${sheet})`,
      backgroundSize: `${side * album.columns}px auto`,
      backgroundPosition: `${-side * (tile % album.columns)}px ${-side * Math.floor(tile / album.columns)}px`,
    });
    return made;
  }

  function entry(row, ids) {
    const [name, was, said] = [ids[row], tree.names[truth[row]], tree.names[answered[row]]];
    const sure = percent(pictures.sure(row), 0);
    const item = element("li");
    if (tiles.has(row)) {
      const shown = picture(row);
      shown.setAttribute("aria-label", `${name}, true ${was}, answered ${said}, ${sure} sure`);
      item.append(shown);
    }
    const answer = element("span", said);
    answer.prepend(element("i", "", { style: `background:var(--severity-${pictures.severe[row]})` }));
    const id = element("small", name, { class: "id", title: name });
    item.append(element("b", was), answer, element("small", `${sure} sure`), id);
    return item;
  }

  // How many there are, and which of them are shown.
  function explained(rows, shown) {
    if (!rows.length) return "No picture is here.";
    const kept = rows.filter((row) => tiles.has(row)).length;
    if (!kept) {
      const why = tiles.size ? "None of them is in the album of this page" : "This page holds no pictures";
      return `${why}, so there are only names; ${shown.length} shown, the most confident first.`;
    }
    const from = kept < rows.length ? ` of the ${amount(kept)} that are in the album` : "";
    return `${shown.length} shown${from}, the most confident first.`;
  }

  async function show(a, b, focus = false) {
    const ids = await pictures.ids();
    const rows = inside(a, b);
    const kept = rows.filter((row) => tiles.has(row));
    const shown = (kept.length ? kept : rows).slice(0, MOST);
    const total = matrix.table().totals.get(a) || 1;
    const heading = element("h3", `True ${tree.names[a]}, answered ${tree.names[b]}`, { tabindex: "-1" });
    const close = element("button", "Close", { type: "button", class: "plain" });
    close.addEventListener("click", () => {
      panel.hidden = true;
      panel.replaceChildren();
      document.querySelector("#cell-show").focus({ preventScroll: true });
    });
    const head = element("div", "", { class: "cell-head" });
    head.append(heading, close);
    const noun = rows.length === 1 ? "picture" : "pictures";
    const facts = `${amount(rows.length)} ${noun}, ${percent(rows.length / total)} of the row, ${matrix.kind(a, b)}. `;
    const list = element("ul", "", { class: kept.length ? "cell-pictures" : "cell-pictures names" });
    list.append(...shown.map((row) => entry(row, ids)));
    panel.replaceChildren(head, element("p", facts + explained(rows, shown)), list);
    panel.hidden = false;
    choose(a, b);
    if (focus) heading.focus();
    panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
  kinwise.showCell = show;

  function options(select, nodes) {
    const before = select.value;
    select.replaceChildren(...nodes.map((node) => element("option", tree.names[node], { value: node })));
    if (nodes.includes(Number(before)) && before) select.value = before;
  }
  function choose(a, b) {
    truths.value = a;
    given.value = b;
  }

  // Both lists hold what the matrix shows now, and at first its most frequent mistake.
  function filled() {
    const table = matrix.table();
    options(truths, table.rows);
    options(given, table.columns);
    let [most, best] = [-1, [table.rows[0], table.columns[0]]];
    for (const a of table.rows) {
      for (const b of table.columns) if (a !== b && table.of(a, b) > most) [most, best] = [table.of(a, b), [a, b]];
    }
    choose(...best);
    panel.hidden = true;
    panel.replaceChildren();
  }
  document.querySelector("#cell-show").addEventListener("click", () => {
    show(Number(truths.value), Number(given.value), true);
  });
  matrix.watch(filled);
  filled();
})();
