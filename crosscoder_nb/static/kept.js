// What every widget of this package does for whoever opens the notebook without its kernel. JupyterLab would then show
// a widget's last state or nothing. So when the notebook is saved, the widget's code and a page that needs no kernel
// (`_saved`) are written beside it, under the number of the widget that was displayed (`_shown`).

const ESSENTIAL = [
  "_anywidget_id",
  "_dom_classes",
  "_model_module",
  "_model_module_version",
  "_model_name",
  "_view_module",
  "_view_module_version",
  "_view_name",
  "_esm",
  "_css",
  "_saved",
];

function keepForLater(model) {
  const context = model.widget_manager?.context;
  if (!context?.saveState || !model.get("_shown")) return () => {};
  function keep(_, stage) {
    if (stage !== "started") return;
    const kind = "application/vnd.jupyter.widget-state+json",
      kept = structuredClone(context.model.getMetadata?.("widgets") ?? {});
    const all = kept[kind] ?? (kept[kind] = { version_major: 2, version_minor: 0, state: {} });
    all.state[model.get("_shown")] = {
      model_name: "AnyModel",
      model_module: "anywidget",
      model_module_version: model.get("_model_module_version"),
      state: Object.fromEntries(ESSENTIAL.map((name) => [name, model.get(name)])),
    };
    context.model.setMetadata("widgets", kept);
  }
  context.saveState.connect(keep);
  return () => context.saveState.disconnect(keep);
}

// The page that was kept, without anything that could run or load.
function savedNodes(model) {
  const page = new DOMParser().parseFromString(model.get("_saved") ?? "", "text/html");
  page.querySelectorAll("script, style, link, iframe, object").forEach((odd) => odd.remove());
  return page.body.childNodes;
}
