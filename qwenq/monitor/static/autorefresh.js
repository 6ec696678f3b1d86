// Flower's workers page reads this variable. Our headers forbid the inline script that would set it.
var autorefresh = Number(document.currentScript.dataset.autorefresh);
