(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.remove("without-scripts");
  // The scheme that was chosen before, where the page may remember.
  try {
    const scheme = localStorage.getItem("kinwise-scheme");
    if (["light", "dark"].includes(scheme)) root.dataset.scheme = scheme;
  } catch {}
})();
