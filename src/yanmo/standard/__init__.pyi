from .learn import learn_standard as learn_standard
from .learn import remove_standard as remove_standard
