// Repeats a task while the page is visible, and says whether the host responds.

const PAUSE_MS = 2_000;

/**
 * Runs `task` now and then every two seconds, one run at a time, but not while the tab is hidden.
 * @param {(signal: AbortSignal) => Promise<void>} task
 * @returns {{now: () => Promise<void>}}
 */
export function poll(task) {
  let timer = 0;
  let running = null;
  async function run() {
    clearTimeout(timer);
    timer = 0;
    try {
      await task();
    } finally {
      running = null;
      if (!document.hidden) timer = setTimeout(now, PAUSE_MS);
    }
  }
  // A run that has begun counts: its result is new enough.
  function now() {
    running ??= run();
    return running;
  }
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else now();
  });
  return { now };
}
