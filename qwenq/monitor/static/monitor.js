// What the pages do in the browser beside htmx: rest while nobody looks, say when Flower does not answer, and ask
// before what cannot be undone.
"use strict";

// What a person has unfolded stays so: the new content of a part knows nothing of it.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");

document.addEventListener("htmx:beforeRequest", (event) => {
  const polls = (event.target.getAttribute("hx-trigger") || "").startsWith("every");
  if (polls && document.hidden) {
    event.preventDefault();
  }
});

const trouble = (sentence) => {
  const place = document.getElementById("trouble");
  if (place.textContent !== sentence) {
    place.textContent = sentence;
  }
  place.hidden = !sentence;
};

document.addEventListener("htmx:sendError", () => {
  trouble("Flower does not answer; what is shown is of a while ago. It goes on by itself once Flower is back.");
});
document.addEventListener("htmx:timeout", () => {
  trouble("Flower takes too long to answer; what is shown is of a while ago.");
});
document.addEventListener("htmx:responseError", (event) => {
  trouble(event.detail.xhr.responseText || "Flower answered with an error; its log says why.");
});
document.addEventListener("htmx:afterSwap", () => trouble(""));

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});
