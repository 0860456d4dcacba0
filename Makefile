.PHONY: demo test check docs clean

demo: ## start everything on free ports, convert samples/, show the results, stop everything
	@scripts/setup
	@.venv/bin/python scripts/demo

test: ## check, then run all tests
	@scripts/test

check: ## style, format, types, layers, documentation
	@scripts/setup
	@scripts/check

docs: ## build the documentation into build/site
	@scripts/setup
	@scripts/docs

clean: ## remove all that was made here, .venv included
	rm -rf .venv build dist demo-output .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
