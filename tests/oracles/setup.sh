#!/usr/bin/env bash
# Makes the Python environment of the oracles. Usage: setup.sh [VENV_DIR]
# (default: build/oracles-venv in the project; needs Python 3.11 and about 6 GB of disk).
set -euo pipefail

oracles=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$oracles/../../build/oracles-venv}

echo "setup: making a virtual environment in $venv"
python3 -m venv "$venv"
echo "setup: installing $oracles/requirements.txt"
"$venv/bin/python" -m pip install --quiet --requirement "$oracles/requirements.txt"
echo "setup: installed"
"$venv/bin/python" -m pip list --format=freeze | grep -E '^(nvidia-modelopt|torch|transformers)=='
echo "setup: run the oracles with $venv/bin/python"
