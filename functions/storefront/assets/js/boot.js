// Runs before the modules, and reports if they fail to load. It uses old syntax on purpose: a
// browser that can't run the shop has to be able to run this.
(function () {
  'use strict';
  function failed() {
    if ('started' in document.documentElement.dataset) return;
    var help = document.getElementById('boot-help');
    if (help) help.className = 'boot-help now';
    var text = document.getElementById('boot-text');
    if (text) text.textContent = 'The shop could not be loaded.';
  }
  // Load errors do not bubble, so they are only seen in the capture phase.
  addEventListener('error', function (event) {
    var element = event.target;
    if (element === window || (element && element.tagName === 'SCRIPT')) failed();
  }, true);
  addEventListener('unhandledrejection', failed);
})();
