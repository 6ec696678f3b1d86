// Flower's workers page reads this name; its own inline script may not run under our headers.
var autorefresh = Number(document.currentScript.dataset.autorefresh);
