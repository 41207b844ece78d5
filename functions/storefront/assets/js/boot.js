// Runs before the modules, and only for the case that they do not come: then the page says so,
// instead of staying as it was delivered. Old syntax on purpose: a browser that can't run the
// shop has to be able to run this.
(function () {
  'use strict';
  function failed() {
    if ('started' in document.documentElement.dataset) return;
    var help = document.getElementById('boot-help');
    if (help) help.className = 'boot-help now';
    var words = document.getElementById('boot-words');
    if (words) words.textContent = 'The shop could not be loaded.';
  }
  // Errors of loading do not bubble: they are only seen on their way down.
  addEventListener('error', function (event) {
    var element = event.target;
    if (element === window || (element && element.tagName === 'SCRIPT')) failed();
  }, true);
  addEventListener('unhandledrejection', failed);
})();
