// The choice of one branch of the tree: everything on the page that can be counted anew is, for its pictures alone.
(() => {
  "use strict";
  const { figures, makers, firsts, narrow, pictures, element, amount } = kinwise;
  const { tree, truth } = pictures;
  const bar = document.querySelector("#only");
  const status = document.querySelector("#only-status");
  const all = document.querySelector("#only-all");
  const select = document.querySelector("#only-branch");

  const counts = tree.nodes.map(() => 0);
  for (const leaf of truth) for (let node = leaf; node >= 0; node = tree.parents[node]) counts[node] += 1;

  // The nodes in the order of a walk down the tree, a parent before its children.
  function walked(node) {
    return [node, ...tree.children[node].flatMap(walked)];
  }
  for (const node of walked(0).filter((one) => counts[one])) {
    const name = `${"\u00a0\u00a0\u00a0".repeat(Math.max(tree.depth[node] - 1, 0))}${tree.names[node]}`;
    select.append(element("option", name, { value: node }));
  }

  let chosen = 0;
  function choose(node) {
    if (node === chosen || !counts[node]) return;
    chosen = node;
    select.value = node;
    const noun = counts[node] === 1 ? "picture" : "pictures";
    status.textContent = node ? `Only: ${tree.names[node]} (${amount(counts[node])} ${noun})` : "";
    bar.classList.toggle("on", node > 0);
    all.hidden = !node;
    figures.tree.data[0].level = String(tree.children[node].length ? node : tree.parents[node]);
    kinwise.redraw(["tree"]);
    document.dispatchEvent(new CustomEvent("kinwise:filter", { detail: { node } }));
  }

  select.addEventListener("change", () => choose(Number(select.value)));
  all.addEventListener("click", () => {
    choose(0);
    select.focus({ preventScroll: true });
  });
  // On a phone the names of a third ring would be too small.
  makers.tree = () => {
    const { data: [rings], layout } = figures.tree;
    const shallow = narrow.matches && tree.size[rings.level ?? 0] > 40;
    return { layout, data: [shallow ? { ...rings, maxdepth: 3 } : rings] };
  };
  // A click on the middle of the rings goes one step up.
  firsts.tree = (box) => {
    box.on("plotly_sunburstclick", ({ points }) => {
      const node = Number(points[0].id);
      const middle = node === Number(figures.tree.data[0].level ?? 0);
      choose(middle ? Math.max(node === chosen ? tree.parents[node] : node, 0) : node);
      return false;
    });
  };
})();
