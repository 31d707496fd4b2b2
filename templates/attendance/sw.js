/* The service worker of the teaching desk. What it does stands in offline-worker.js; here is what it keeps. */
self.Stillpoint = { shell: {{ shell|tojson }}, files: {{ files|tojson }} };
importScripts({% for script in scripts %}{{ script|tojson }}{{ ', ' if not loop.last }}{% endfor %});
