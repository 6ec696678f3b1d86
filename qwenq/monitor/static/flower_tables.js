// Flower's tables mark their links to pages with `aria-role`, which is no attribute. It should be `role`.
// Its page of workers tells when it was updated by the browser's clock, all other pages tell UTC.
"use strict";

const mend = () => {
  for (const link of document.querySelectorAll("[aria-role]")) {
    link.setAttribute("role", link.getAttribute("aria-role"));
    link.removeAttribute("aria-role");
  }
  const updated = document.getElementById("workers-refresh-status");
  if (updated?.textContent.startsWith("Updated ") && !updated.textContent.endsWith(" UTC")) {
    updated.textContent = `Updated ${new Date().toISOString().slice(11, 19)} UTC`;
  }
};

new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
mend();
