"Everything about the package is in settings.ini; this only hands it to setuptools."
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_namespace_packages, setup

here = Path(__file__).parent
ini = ConfigParser(delimiters=["="], interpolation=None)
ini.read(here / "settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"] or None,    # empty, like the url, until a maintainer fills it in (CONTRIBUTING)
    url=cfg["git_url"] or None,
    license="Apache-2.0",
    keywords=cfg["keywords"],
    packages=find_namespace_packages(include=["crosscoder_nb", "crosscoder_nb.*"]),   # with the browser's static files
    include_package_data=True,
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg["requirements"].split(),
    entry_points={"console_scripts": cfg["console_scripts"].split()},
    extras_require={"dev": cfg["dev_requirements"].split(), "umap": ["umap-learn>=0.5"]},
    zip_safe=False,
)
