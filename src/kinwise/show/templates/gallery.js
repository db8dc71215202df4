(() => {
  "use strict";
  const gallery = document.querySelector(".gallery");
  if (!gallery) return;
  const AT_ONCE = 24;
  const form = gallery.querySelector(".controls");
  const cases = [...gallery.querySelectorAll(".case")].map((place) => ({
    place,
    confidence: Number(place.dataset.confidence),
    marks: Object.fromEntries(Object.entries(place.dataset).map(([key, words]) => [key, new Set(words.split(" "))])),
  }));
  const count = form.querySelector(".shown");
  const more = gallery.querySelector(".more button");
  const branch = form.querySelector("#filter-branch");
  const confidence = form.querySelector("#filter-confidence");
  const selects = [...form.querySelectorAll("select[data-filter]")];
  const boxes = [...form.querySelectorAll("input[data-filter]")];
  let most = AT_ONCE;

  function matches({ marks, confidence: sure }) {
    if (confidence && sure < confidence.value / 100) return false;
    for (const { dataset, value } of selects) {
      if (value !== "" && value !== "0" && !marks[dataset.filter].has(value)) return false;
    }
    return !boxes.length || boxes.some(({ checked, dataset, value }) => checked && marks[dataset.filter].has(value));
  }

  function tell(found, shown) {
    const all = `${cases.length} failures`;
    if (!found) count.value = `None of ${all} match`;
    else if (shown === found || found === cases.length) count.value = `${shown} of ${all} shown`;
    else count.value = `${found} of ${all} match, ${shown} shown`;
  }

  function filter() {
    const found = cases.filter(matches);
    const shown = new Set(found.slice(0, most));
    for (const one of cases) one.place.hidden = !shown.has(one);
    const left = found.length - shown.size;
    more.hidden = !left;
    more.textContent = `Show ${Math.min(left, AT_ONCE)} more`;
    tell(found.length, shown.size);
  }

  function filterAnew() {
    most = AT_ONCE;
    filter();
  }

  // What the controls of the heat map say; clearing the filters leaves them alone.
  function showMaps() {
    const strength = form.querySelector("#map-strength");
    if (!strength) return;
    gallery.style.setProperty("--strength", strength.value / 100);
    const chosen = form.elements.map.value;
    for (const one of gallery.querySelectorAll("[data-map]")) one.hidden = one.dataset.map !== chosen;
  }

  function sayValues() {
    for (const said of form.querySelectorAll(".control output")) {
      said.value = `${document.getElementById(said.htmlFor).value} %`;
    }
  }

  // A branch without failures has no entry of its own to choose.
  function choose(node) {
    branch.querySelector(".none")?.remove();
    if (![...branch.options].some(({ value }) => value === String(node))) {
      const none = new Option("a branch without failures here", String(node));
      none.className = "none";
      branch.add(none);
    }
    branch.value = String(node);
    filterAnew();
  }

  form.addEventListener("input", (event) => {
    sayValues();
    if (event.target.name === "map" || event.target.id === "map-strength") showMaps();
    else filterAnew();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const box of boxes) box.checked = true;
    for (const select of selects) select.selectedIndex = 0;
    if (confidence) confidence.value = 0;
    sayValues();
    filterAnew();
  });
  more.addEventListener("click", () => {
    const first = cases.filter(matches)[most];
    most += AT_ONCE;
    filter();
    first.place.querySelector("summary")?.focus();
  });
  document.addEventListener("kinwise:filter", (event) => branch && choose(event.detail.node));

  sayValues();
  showMaps();
  filter();
})();
