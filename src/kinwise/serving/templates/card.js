// What the page shows of one picture; every name is set as text, never as markup.
const kinwise = (() => {
  "use strict";
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const SMALL = 64; // up to so many pixels a side, every pixel is shown as a square
  const SIDE = 300; // the longer side of a picture on the page

  function element(tag, text = "", attributes = {}) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }
  const display = (name) => name.replaceAll("_", " ");
  const percent = (share) => (share >= 0.9995 ? ">\u00a099.9\u00a0%" : `${(100 * share).toFixed(1)}\u00a0%`);
  const colour = (place) => `var(--severity-${facts.levels.length - 1 - place})`;

  // Where the map lies on the picture: the network saw all of it, its middle, or it with a border.
  function place(map, { width, height }) {
    const side = facts.fit === "crop" ? Math.min(width, height) : Math.max(width, height);
    const [across, down] = facts.fit === "squash" ? [1, 1] : [side / width, side / height];
    Object.assign(map.style, {
      width: `${100 * across}%`,
      height: `${100 * down}%`,
      left: `${50 * (1 - across)}%`,
      top: `${50 * (1 - down)}%`,
    });
  }

  function photo(address, answer) {
    const image = element("img", "", { class: "photo", alt: `Your picture ${answer.name}`, src: address });
    image.width = answer.width;
    image.height = answer.height;
    image.style.setProperty("--width", `${(SIDE * answer.width) / Math.max(answer.width, answer.height)}px`);
    image.classList.toggle("small", Math.max(answer.width, answer.height) <= SMALL);
    // A browser may not know the format; then it shows what the network saw.
    image.addEventListener("error", () => (image.src = answer.seen), { once: true });
    return image;
  }

  function left(address, answer) {
    const made = element("div", "", { class: "left" });
    const look = element("div", "", { class: "look" });
    look.append(photo(address, answer));
    for (const [index, { level, name, picture }] of (answer.heat_maps ?? []).entries()) {
      const alt = `Heat map: what speaks for ${display(name)}, ${display(level)}`;
      const map = element("img", "", { class: "map", alt, src: picture, "data-map": index });
      place(map, answer);
      look.append(map);
    }
    const file = element("p", answer.name, { class: "file" });
    file.append(element("small", `${answer.width} × ${answer.height} px`));
    made.append(look, file);
    return made;
  }

  function node({ name, confidence }, place, answered) {
    const made = element("li", "", { class: answered ? "node answered" : "node" });
    made.append(element("span", display(name)), element("span", percent(confidence)));
    made.style.setProperty("--share", confidence);
    made.style.setProperty("--colour", colour(place));
    return made;
  }

  // The nodes of one level: the answer's first, where it goes so far, then the likeliest others.
  function level(name, place, answer) {
    const answered = answer.path.find((step) => step.level === name);
    const others = answer.best[place].filter((step) => step.name !== answered?.name);
    const worth = others.slice(0, answered ? 2 : 3).filter(({ confidence }) => confidence >= 0.005);
    const made = element("li");
    const list = element("ol", "", { role: "list" });
    if (answered) list.append(node(answered, place, true));
    list.append(...worth.map((step) => node(step, place, false)));
    made.append(element("span", display(name), { class: "level" }), list);
    return made;
  }

  function right(answer) {
    const made = element("div", "", { class: "right" });
    const names = answer.path.map(({ name }) => display(name));
    made.append(element("h3", names.at(-1) ?? "No answer"));
    if (names.length > 1) made.append(element("p", names.join(" › "), { class: "trail" }));
    if (answer.stops_at !== null) made.append(element("p", sentence(answer), { class: "reason" }));
    const steps = element("ol", "", { class: "steps", role: "list", "aria-label": "Confidence on each level" });
    steps.append(...facts.levels.map((name, place) => level(name, place, answer)));
    made.append(steps);
    return made;
  }

  // Why it stops; the heading says already where there is no answer, and a number stays with its sign.
  function sentence({ stops_at, reason }) {
    const said = display(reason || `stops at the ${stops_at}`).replace(/^no answer/, "not sure enough");
    return (said[0].toUpperCase() + said.slice(1)).replaceAll(" %", "\u00a0%");
  }

  function similar(found) {
    const made = element("ol", "", { role: "list" });
    for (const { label, path, similarity, picture, id } of found) {
      const one = element("li", "", { title: `${path.map(display).join(" › ")}, similarity ${similarity.toFixed(2)}, ${id}` });
      const image = element("img", "", { src: picture, alt: "" });
      image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= SMALL), { once: true });
      one.append(image, element("b", display(label)));
      if (path.length > 1) one.append(element("small", display(path.at(-2))));
      made.append(one);
    }
    return made;
  }

  return { facts, element, display, left, right, similar, redraw() {}, drawAtOnce() {} };
})();
