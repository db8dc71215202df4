// What is known of every picture, and what can be counted from it for any part of the tree.
kinwise.pictures = (() => {
  "use strict";
  const given = JSON.parse(document.getElementById("pictures").textContent);
  const types = { Uint8Array, Uint16Array, Uint32Array };
  const FULL = 65535;
  const BINS = 15;

  function bytes(text) {
    const signs = atob(text);
    const found = new Uint8Array(signs.length);
    for (let place = 0; place < signs.length; place += 1) found[place] = signs.charCodeAt(place);
    return found;
  }
  function unpacked({ type, data }) {
    return new types[type](bytes(data).buffer);
  }

  // --- the tree: a parent stands before its children, node 0 is the root -----------------------------------------

  const { parents, names, levels, severities } = given.tree;
  const nodes = parents.map((_, node) => node);
  const children = nodes.map(() => []);
  const depth = nodes.map(() => 0);
  const height = nodes.map(() => 0);
  const size = nodes.map(() => 0); // how many classes are under it
  const first = nodes.map(() => 0); // the place of the first of them in a walk down the tree
  for (const node of nodes.slice(1)) {
    children[parents[node]].push(node);
    depth[node] = depth[parents[node]] + 1;
  }
  const leaves = nodes.filter((node) => !children[node].length);
  for (const node of nodes.toReversed()) {
    if (!children[node].length) size[node] = 1;
    if (!node) continue;
    size[parents[node]] += size[node];
    height[parents[node]] = Math.max(height[parents[node]], height[node] + 1);
  }
  for (const node of nodes) {
    let next = first[node];
    for (const child of children[node]) {
      first[child] = next;
      next += size[child];
    }
  }
  const walk = leaves.toSorted((a, b) => first[a] - first[b]);
  // For each class the node that stands for it at each level, coarse to fine: itself below its own depth.
  const paths = leaves.map((leaf) => {
    const path = [];
    for (let node = leaf; node; node = parents[node]) path.unshift(node);
    return levels.map((_, level) => path[Math.min(level, path.length - 1)]);
  });
  const levelNodes = levels.map((_, level) => [...new Set(paths.map((path) => path[level]))].sort((a, b) => a - b));

  function isUnder(node, above) {
    const within = first[above] <= first[node] && first[node] + size[node] <= first[above] + size[above];
    return within && depth[node] >= depth[above];
  }
  function common(a, b) {
    while (a !== b) {
      if (depth[a] >= depth[b]) a = parents[a];
      else b = parents[b];
    }
    return a;
  }
  // How severe it is to take one node for another: 0 for the same, else the height of what both are under.
  const severity = (a, b) => (a === b ? 0 : height[common(a, b)]);
  // The nodes under one that are open, in the order of a walk: down to what `opened` does not hold.
  function unfolded(node, opened) {
    if (!opened.has(node) || !children[node].length) return [node];
    return children[node].flatMap((child) => unfolded(child, opened));
  }

  // --- the pictures ------------------------------------------------------------------------------------------------

  const labels = unpacked(given.labels);
  const count = labels.length;
  const last = levels.length - 1;
  const classAnswers = unpacked(given.answers[last]);
  const answers = given.answers.map((packed, level) => {
    if (!packed) return Uint32Array.from(classAnswers, (answer) => paths[answer][level]);
    return Uint32Array.from(unpacked(packed), (place) => levelNodes[level][place]);
  });
  const confidence = given.confidence.map(unpacked);
  const sure = given.sure ? unpacked(given.sure) : confidence[last];
  const bits = given.best_right.map(unpacked);
  const truth = Uint32Array.from(labels, (label) => leaves[label]);
  const severe = Uint8Array.from(truth, (leaf, row) => severity(leaf, answers[last][row]));
  const right = (row, level) => answers[level][row] === paths[labels[row]][level];

  function rowsUnder(node) {
    const rows = [];
    for (let row = 0; row < count; row += 1) if (isUnder(truth[row], node)) rows.push(row);
    return rows;
  }

  // Accuracy beside confidence in bins of equal width; those without pictures are left out.
  function reliability(rows, level) {
    const bins = Array.from({ length: BINS }, () => ({ pictures: 0, confidence: 0, right: 0 }));
    for (const row of rows) {
      const bin = bins[Math.max(Math.ceil((confidence[level][row] * BINS) / FULL) - 1, 0)];
      bin.pictures += 1;
      bin.confidence += confidence[level][row] / FULL;
      bin.right += (bits[level][row >> 3] >> (row & 7)) & 1;
    }
    return bins
      .filter((bin) => bin.pictures)
      .map((bin) => ({
        confidence: bin.confidence / bin.pictures,
        accuracy: bin.right / bin.pictures,
        share: bin.pictures / rows.length,
      }));
  }

  // The error among the most confident 1, 2, ..., n pictures; those equally confident count with their mean error.
  function riskCoverage(rows, level) {
    const pictures = new Uint32Array(FULL + 1);
    const wrong = new Uint32Array(FULL + 1);
    for (const row of rows) {
      pictures[sure[row]] += 1;
      wrong[sure[row]] += !right(row, level);
    }
    const risk = [];
    let mistakes = 0;
    for (let step = FULL; step >= 0; step -= 1) {
      for (let one = 0; one < pictures[step]; one += 1) {
        mistakes += wrong[step] / pictures[step];
        risk.push(mistakes / (risk.length + 1));
      }
    }
    let lowest = 0;
    const known = rows.length - Math.round(mistakes);
    for (let at = known + 1; at <= rows.length; at += 1) lowest += (at - known) / at;
    return { risk, area: risk.reduce((sum, value) => sum + value, 0) / rows.length, lowest: lowest / rows.length };
  }

  // How many of the pictures an answer drawn from all classes would put at each severity.
  function randomHistogram(rows) {
    const found = severities.map(() => 0);
    for (const row of rows) {
      let below = 0;
      for (let node = truth[row]; ; node = parents[node]) {
        found[height[node]] += (size[node] - below) / leaves.length;
        below = size[node];
        if (!node) break;
      }
    }
    return found;
  }

  // The figures of the pictures whose true class lies under a node; a mean over nothing is null.
  function summary(node) {
    const rows = rowsUnder(node);
    const histogram = severities.map(() => 0);
    for (const row of rows) histogram[severe[row]] += 1;
    const mistakes = rows.length - histogram[0];
    const steps = histogram.reduce((sum, pictures, step) => sum + pictures * step, 0);
    const share = (holds) => rows.filter(holds).length / rows.length;
    const all = (holds) => (row) => levels.every((_, level) => holds(row, level));
    const implied = (row, level) => answers[level][row] === paths[classAnswers[row]][level];
    const bins = levels.map((_, level) => reliability(rows, level));
    return {
      pictures: rows.length,
      accuracy: levels.map((_, level) => share((row) => right(row, level))),
      mistakes,
      histogram,
      random: randomHistogram(rows),
      mistakeSeverity: mistakes ? steps / mistakes : null,
      averageSeverity: steps / rows.length,
      fullPath: share(all(right)),
      inconsistent: 1 - share(all(implied)),
      reliability: bins,
      calibrationError: bins.map((level) =>
        level.reduce((sum, bin) => sum + bin.share * Math.abs(bin.accuracy - bin.confidence), 0),
      ),
      riskCoverage: levels.map((_, level) => riskCoverage(rows, level)),
    };
  }

  // The mistakes between classes under a node, the most frequent first; ties in the order of the classes.
  function mistakes(node) {
    const [counts, totals] = [new Map(), new Map()];
    const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
    const pair = (a, b) => a * parents.length + b;
    for (let row = 0; row < count; row += 1) {
      add(totals, truth[row]);
      if (severe[row]) add(counts, pair(truth[row], answers[last][row]));
    }
    return [...counts]
      .map(([key, found]) => {
        const [was, answered] = [Math.floor(key / parents.length), key % parents.length];
        const back = counts.get(pair(answered, was)) ?? 0;
        return { true: was, answered, count: found, share: found / totals.get(was), back };
      })
      .filter((one) => isUnder(one.true, node))
      .sort((a, b) => b.count - a.count || a.true - b.true || a.answered - b.answered);
  }

  // --- their names -------------------------------------------------------------------------------------------------

  let ids;
  // A promise of every picture's name; they are unpacked when they are first asked for.
  function rowNames() {
    ids ??= given.ids
      ? new Response(new Blob([bytes(given.ids)]).stream().pipeThrough(new DecompressionStream("deflate"))).json()
      : Promise.resolve(Array.from(labels, (_, row) => String(row)));
    return ids;
  }

  return {
    tree: {
      nodes,
      parents,
      names,
      levels,
      severities,
      children,
      depth,
      size,
      first,
      walk,
      levelNodes,
      isUnder,
      severity,
      unfolded,
    },
    count,
    truth,
    answered: answers[last],
    severe,
    sure: (row) => sure[row] / FULL,
    rowsUnder,
    mistakes,
    summary,
    ids: rowNames,
    bytes,
    unpacked,
  };
})();
