// The theme of Airflow's page around this one, or of Airflow in this browser: set before anything is painted.
"use strict";
(() => {
  const around = () => {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null; // another site's page around it, which frame-ancestors forbids
    }
  };
  const wanted = () => {
    const frame = around();
    if (frame) return frame.classList.contains("dark") ? "dark" : "light";
    let kept = null;
    try {
      kept = localStorage.getItem("theme");
    } catch {
      // storage is closed: as the system
    }
    if (kept === "dark" || kept === "light") return kept;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  };
  // Airflow's own letters and ground, whatever theme its operator has given it.
  const asAround = () => {
    const frame = around();
    if (!frame) return;
    const { fontFamily, backgroundColor } = window.parent.getComputedStyle(frame.ownerDocument.body);
    const page = document.documentElement.style;
    page.setProperty("--font", fontFamily);
    if (!backgroundColor.endsWith(", 0)")) page.setProperty("--bg", backgroundColor);
  };
  const set = () => {
    document.documentElement.dataset.theme = wanted();
    asAround();
  };
  set();
  document.documentElement.classList.toggle("framed", around() !== null);
  if (around()) new MutationObserver(set).observe(around(), { attributes: true, attributeFilter: ["class"] });
  addEventListener("storage", set);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set);
})();
