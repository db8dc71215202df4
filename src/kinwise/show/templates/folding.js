// What folds and unfolds the confusion matrix: a button per level, and one per family.
(() => {
  "use strict";
  const { matrix, pictures, element, amount } = kinwise;
  const { tree } = pictures;
  const levels = document.querySelector("#fold-levels");
  const families = document.querySelector("#fold-families");
  const note = document.querySelector("#fold-note");

  const buttons = tree.levels.map((name, level) => {
    const button = element("button", `${name} `, { type: "button" });
    button.append(element("small", amount(tree.levelNodes[level].length)));
    button.addEventListener("click", () => matrix.show(level));
    levels.append(button);
    return button;
  });
  for (const [name, factor] of [["in", 0.6], ["out", 1 / 0.6], ["reset", 0]]) {
    document.querySelector(`#zoom-${name}`).addEventListener("click", () => matrix.zoom(factor));
  }

  // The inner nodes under one that can be seen, as a list in lists.
  function list(node) {
    const made = element("ul");
    for (const child of tree.children[node].filter((one) => tree.children[one].length)) {
      const open = matrix.state.opened.has(child);
      const item = element("li");
      const button = element("button", `${tree.names[child]} `, { type: "button", "aria-expanded": open });
      button.dataset.node = child;
      button.append(element("small", amount(tree.size[child])));
      button.addEventListener("click", () => {
        matrix.toggle(child);
        families.querySelector(`[data-node="${child}"]`).focus();
      });
      item.append(button);
      if (open && tree.children[child].some((one) => tree.children[one].length)) item.append(list(child));
      made.append(item);
    }
    return made;
  }

  function shown() {
    const { rows, columns, all } = matrix.table();
    buttons.forEach((button, level) => button.setAttribute("aria-pressed", matrix.isShown(level)));
    const scrolled = families.scrollTop;
    families.replaceChildren(list(0));
    families.scrollTop = scrolled;
    const left = all.length - columns.length;
    const hint = `; the ${amount(left)} other nodes, those with the fewest mistakes, are left out: fold some families`;
    note.textContent = `${amount(rows.length)} by ${amount(columns.length)}${left ? hint : ""}`;
  }
  matrix.watch(shown);
  shown();
  families.parentElement.hidden = !families.querySelector("button");
})();
