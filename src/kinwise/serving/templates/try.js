// Pictures come by choosing, dropping and pasting; each is asked about by itself, a few at a time.
(() => {
  "use strict";
  const { facts, element } = kinwise;
  const AT_ONCE = 3;
  const ALIKE = 5;
  const AGAIN_AFTER = 1200;
  const answers = document.querySelector(".answers");
  const list = answers.querySelector(".cards");
  const controls = answers.querySelector(".controls");
  const status = document.querySelector("[role=status]");
  const waiting = [];
  let asking = 0;
  let learnt = facts.learnt;
  const cards = new Map();

  // --- asking

  async function ask(file, parameters) {
    const form = new FormData();
    form.append("pictures", file, file.name);
    const reply = await fetch(`api/answers?${new URLSearchParams(parameters)}`, { method: "POST", body: form });
    const said = await reply.json();
    return reply.ok ? said.pictures[0] : { error: said.error };
  }

  async function answered(file, parameters) {
    if (file.size > facts.limits.file_bytes) {
      return { error: `the file is larger than ${Math.floor(facts.limits.file_bytes / 1e6)} MB` };
    }
    try {
      return await ask(file, parameters);
    } catch {
      return { error: "the server does not answer; is kinwise serve still running?" };
    }
  }

  async function next() {
    if (asking >= AT_ONCE || !waiting.length) return;
    asking += 1;
    const card = waiting.shift();
    const answer = await answered(card.file, { heat_maps: true, similar: ALIKE });
    asking -= 1;
    if (cards.has(card.place)) fill(card, answer);
    tell();
    next();
  }

  // --- cards

  function add(files) {
    const chosen = [...files];
    if (!chosen.length) return;
    const made = chosen.map((file) => {
      const place = element("li", "", { class: "card busy" });
      const right = element("div", "", { class: "right" });
      right.append(element("p", file.name, { class: "file" }));
      place.append(right, remover(place, file.name));
      const card = { file, place, address: URL.createObjectURL(file), near: null };
      cards.set(place, card);
      return card;
    });
    list.prepend(...made.map(({ place }) => place));
    answers.hidden = false;
    waiting.push(...made);
    for (let index = 0; index < AT_ONCE; index += 1) next();
    tell();
  }

  function remover(place, name) {
    const button = element("button", "Remove", { type: "button", class: "remove", "aria-label": `Remove ${name}` });
    button.addEventListener("click", () => {
      const beside = place.nextElementSibling ?? place.previousElementSibling;
      forget(place);
      (beside?.querySelector(".remove") ?? document.getElementById("files")).focus();
    });
    return button;
  }

  function forget(place) {
    const card = cards.get(place);
    URL.revokeObjectURL(card.address);
    if (waiting.includes(card)) waiting.splice(waiting.indexOf(card), 1);
    cards.delete(place);
    place.remove();
    answers.hidden = !cards.size;
    tell();
  }

  function fill(card, answer) {
    const { place, file } = card;
    place.classList.remove("busy");
    if (answer.error !== undefined) {
      const right = element("div", "", { class: "right" });
      right.append(element("h3", "Not a picture it can read"), element("p", `${file.name}: ${answer.error}`, { class: "error" }));
      place.classList.add("failed");
      place.replaceChildren(right, remover(place, file.name));
      return;
    }
    card.near = element("div", "", { class: "near" });
    place.replaceChildren(
      kinwise.left(card.address, { ...answer, name: file.name }), kinwise.right(answer), remover(place, file.name), card.near,
    );
    fillNear(card, answer.similar);
    showMaps();
  }

  // --- similar training pictures: known once all of them were looked at

  function fillNear(card, found) {
    card.similar = found;
    const title = element("h4", "Most similar training pictures");
    card.near.replaceChildren(title);
    if (found) {
      title.append(element("small", "to the network, the most similar first"));
      card.near.append(kinwise.similar(found));
    } else card.near.append(element("p", unknown()));
  }

  function unknown() {
    const { state, done, total } = learnt;
    if (state === "missing") return "The training pictures could not be loaded; the terminal of kinwise serve says why.";
    const far = total ? ` (${done.toLocaleString("en")} of ${total.toLocaleString("en")})` : "";
    return state === "ready" ? "A moment …" : `Still looking at the training pictures${far} …`;
  }

  async function watch() {
    if (learnt.state === "ready" || learnt.state === "missing") return;
    try {
      learnt = (await (await fetch("api/run")).json()).learnt;
    } catch {}
    for (const card of cards.values()) {
      if (!card.near || card.similar) continue;
      fillNear(card, null);
      if (learnt.state === "ready") answered(card.file, { similar: ALIKE }).then(({ similar }) => similar && fillNear(card, similar));
    }
    setTimeout(watch, AGAIN_AFTER);
  }

  // --- controls

  function showMaps() {
    const strength = controls.querySelector("#map-strength");
    answers.style.setProperty("--strength", strength.value / 100);
    controls.querySelector(".strength output").value = `${strength.value} %`;
    const chosen = controls.elements.map.value;
    for (const map of list.querySelectorAll(".map")) map.hidden = map.dataset.map !== chosen;
  }

  function tell() {
    const all = cards.size === 1 ? "1 picture" : `${cards.size} pictures`;
    const open = [...cards.keys()].filter((place) => place.classList.contains("busy")).length;
    controls.querySelector(".shown").value = open ? `${all}, ${open} still to be answered` : all;
    if (cards.size) status.textContent = open ? `Asking about ${open} of ${all}` : said(all);
  }

  function said(all) {
    const first = list.querySelector(".card h3")?.textContent;
    return cards.size === 1 ? `Answered: ${first}` : `${all} answered, the first: ${first}`;
  }

  controls.addEventListener("input", showMaps);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.querySelector(".clear").addEventListener("click", () => {
    for (const place of [...cards.keys()]) forget(place);
    status.textContent = "All pictures removed";
    document.getElementById("files").focus();
  });

  // --- how pictures come

  const files = document.getElementById("files");
  files.addEventListener("change", () => {
    add(files.files);
    files.value = "";
  });
  document.addEventListener("paste", (event) => add(event.clipboardData.files));
  const over = document.querySelector(".over");
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    over.hidden = true;
    if (!brings(event)) return;
    event.preventDefault();
    add(event.dataTransfer.files);
  });

  document.querySelector(".here").textContent = window.location.origin;
  const copy = document.querySelector(".copy");
  copy.addEventListener("click", async () => {
    const code = document.querySelector(".command code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
    setTimeout(() => (copy.textContent = "Copy"), 1600);
  });
  showMaps();
  setTimeout(watch, AGAIN_AFTER);
})();
