// What the pages do in the browser beside htmx: pause polling in hidden tabs, say when Flower does not respond, and
// ask before anything that cannot be undone.
"use strict";

// Keep open what a person has opened: new content of a part arrives closed.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");

document.addEventListener("htmx:beforeRequest", (event) => {
  const polls = (event.target.getAttribute("hx-trigger") || "").startsWith("every");
  if (polls && document.hidden) {
    event.preventDefault();
  }
});

// What stands between backticks becomes code.
const trouble = (sentence) => {
  const place = document.getElementById("trouble");
  if (place.dataset.sentence !== sentence) {
    place.dataset.sentence = sentence;
    place.replaceChildren(...sentence.split("`").map((part, at) => {
      const node = document.createElement(at % 2 ? "code" : "span");
      node.textContent = part;
      return node;
    }));
  }
  place.hidden = !sentence;
};

document.addEventListener("htmx:sendError", () => {
  trouble("Flower does not respond. This page shows an earlier state, and continues by itself once Flower is back.");
});
document.addEventListener("htmx:timeout", () => {
  trouble("Flower takes too long to respond. This page shows an earlier state.");
});
document.addEventListener("htmx:responseError", (event) => {
  trouble(event.detail.xhr.responseText || "Flower reported an error; see its log.");
});
document.addEventListener("htmx:afterSwap", () => trouble(""));

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});
