"""Tasks: data, loss, metrics and training recipe of what networks learn.

``Digits``, ``Glyphs``, ``Characters``, ``Topics`` and ``Dates`` need no download. ``CIFAR10``,
``CIFAR100`` and ``ImageNet16`` read the published files from a folder, as ``iwslt14``, ``wmt14``
and ``wikitext103`` do. ``from_tensors``, ``from_dataframe``, ``from_image_folder`` and
``from_datasets`` make tasks of your data, ``from_parallel``, ``from_dataset`` and ``from_text`` of
your texts. Each is a frozen dataclass; the
lower-case names of classes are the same classes, so that ``tasks.digits()`` reads like the data
set it is.

Your own task derives from ``Classification``, ``ImageClassification``, ``Regression``,
``LanguageModel`` or ``Translation`` and loads its data; or from ``Task`` itself.
"""

from __future__ import annotations

from archrank.registry import Registry
from archrank.tasks.base import Split, Splits, Task
from archrank.tasks.checks import check_task
from archrank.tasks.classification import Classification
from archrank.tasks.datasets import from_datasets
from archrank.tasks.frames.base import TableClassification, TableRegression, from_dataframe
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.images.base import ImageClassification
from archrank.tasks.images.characters import Characters
from archrank.tasks.images.cifar import CIFAR10, CIFAR100
from archrank.tasks.images.digits import Digits
from archrank.tasks.images.folder import ImageFolder, from_image_folder
from archrank.tasks.images.glyphs import Glyphs
from archrank.tasks.images.imagenet16 import ImageNet16
from archrank.tasks.meters import Meter
from archrank.tasks.preprocessing import Preprocessing
from archrank.tasks.preprocessing_files import read_preprocessing
from archrank.tasks.regression import Regression
from archrank.tasks.tensors import TensorClassification, TensorRegression, from_tensors
from archrank.tasks.text.bleu import bleu
from archrank.tasks.text.datasets import from_dataset
from archrank.tasks.text.dates import Dates
from archrank.tasks.text.language_model import LanguageModel
from archrank.tasks.text.parallel import TranslationFiles, from_parallel
from archrank.tasks.text.published import iwslt14, wikitext103, wmt14
from archrank.tasks.text.text_files import LanguageModelFiles, from_text
from archrank.tasks.text.topics import Topics
from archrank.tasks.text.translation import Translation
from archrank.training.recipe import Recipe

TASKS = Registry(
    "task",
    {
        "characters": "archrank.tasks.images.characters:Characters",
        "cifar10": "archrank.tasks.images.cifar:CIFAR10",
        "cifar100": "archrank.tasks.images.cifar:CIFAR100",
        "dates": "archrank.tasks.text.dates:Dates",
        "digits": "archrank.tasks.images.digits:Digits",
        "glyphs": "archrank.tasks.images.glyphs:Glyphs",
        "imagenet16": "archrank.tasks.images.imagenet16:ImageNet16",
        "iwslt14": "archrank.tasks.text.published:iwslt14",
        "topics": "archrank.tasks.text.topics:Topics",
        "wikitext103": "archrank.tasks.text.published:wikitext103",
        "wmt14": "archrank.tasks.text.published:wmt14",
    },
)

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "TASKS",
    "Augmentation",
    "Characters",
    "Classification",
    "Dates",
    "Digits",
    "Glyphs",
    "ImageClassification",
    "ImageFolder",
    "ImageNet16",
    "LanguageModel",
    "LanguageModelFiles",
    "Meter",
    "Preprocessing",
    "Recipe",
    "Regression",
    "Split",
    "Splits",
    "TableClassification",
    "TableRegression",
    "Task",
    "TensorClassification",
    "TensorRegression",
    "Topics",
    "Translation",
    "TranslationFiles",
    "bleu",
    "check_task",
    "from_dataframe",
    "from_dataset",
    "from_datasets",
    "from_image_folder",
    "from_parallel",
    "from_tensors",
    "from_text",
    "iwslt14",
    "read_preprocessing",
    "wikitext103",
    "wmt14",
]

# After the imports, so that these names hide the modules of the same name.
digits = Digits
glyphs = Glyphs
characters = Characters
cifar10 = CIFAR10
cifar100 = CIFAR100
imagenet16 = ImageNet16
topics = Topics
dates = Dates

__all__ += [
    *("characters", "cifar10", "cifar100", "dates", "digits", "glyphs", "imagenet16", "topics"),
]
