// Flower's tables mark their links to pages with `aria-role`, which is no attribute. It should be `role`.
"use strict";

const mend = () => {
  for (const link of document.querySelectorAll("[aria-role]")) {
    link.setAttribute("role", link.getAttribute("aria-role"));
    link.removeAttribute("aria-role");
  }
};

new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
mend();
