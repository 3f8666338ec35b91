// Nothing on the pages needs this file. It offers to reload a page every few seconds, and says that a question is under way.
"use strict";
(() => {
  const PAUSE_MS = 5000;
  const live = document.getElementById("live");
  if (live) {
    const name = "parley live";
    live.closest("label").hidden = false;
    live.checked = sessionStorage.getItem(name) === "yes";
    if (live.checked && sessionStorage.getItem("parley focus") === "live") live.focus({ preventScroll: true });
    live.addEventListener("change", () => sessionStorage.setItem(name, live.checked ? "yes" : "no"));
    const isBusy = () =>
      document.hidden || String(getSelection()) !== "" || document.querySelector("main details[open]") !== null;
    setInterval(() => {
      if (!live.checked || isBusy()) return;
      sessionStorage.setItem("parley focus", document.activeElement === live ? "live" : "");
      location.reload();
    }, PAUSE_MS);
  }
  for (const form of document.querySelectorAll("form[data-busy]")) {
    const button = form.querySelector("button");
    const label = button.textContent;
    form.addEventListener("submit", () => {
      button.textContent = form.dataset.busy;
      button.setAttribute("aria-disabled", "true");
    });
    addEventListener("pageshow", () => {
      button.textContent = label;
      button.removeAttribute("aria-disabled");
    });
  }
})();
