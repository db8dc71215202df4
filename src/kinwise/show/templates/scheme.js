// The button that chooses the light or the dark scheme, whatever the system says; paper is always light.
(() => {
  "use strict";
  const root = document.documentElement;
  const button = document.querySelector(".scheme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const names = { "": "System", light: "Light", dark: "Dark" };

  function name() {
    const shown = names[root.dataset.scheme ?? ""];
    button.querySelector("span").textContent = shown;
    button.setAttribute("aria-label", `Colours: ${shown.toLowerCase()}. Change`);
  }

  function choose(scheme) {
    if (scheme) root.dataset.scheme = scheme;
    else delete root.dataset.scheme;
    try {
      if (scheme) localStorage.setItem("kinwise-scheme", scheme);
      else localStorage.removeItem("kinwise-scheme");
    } catch {}
    name();
    kinwise.redraw();
  }

  // First the other scheme, so that every click is seen; after both, the system's again.
  button.addEventListener("click", () => {
    const order = system.matches ? ["", "light", "dark"] : ["", "dark", "light"];
    choose(order[(order.indexOf(root.dataset.scheme ?? "") + 1) % 3]);
  });
  system.addEventListener("change", () => kinwise.redraw());
  name();

  let before;
  window.addEventListener("beforeprint", () => {
    before = root.dataset.scheme;
    root.dataset.scheme = "light";
    if (before === "dark" || (!before && system.matches)) kinwise.drawAtOnce();
  });
  window.addEventListener("afterprint", () => {
    if (before) root.dataset.scheme = before;
    else delete root.dataset.scheme;
    if (before === "dark" || (!before && system.matches)) kinwise.redraw();
  });
})();
