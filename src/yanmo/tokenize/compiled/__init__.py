"""The word tokenizer in compiled code: jieba's dictionary as a trie, the kernel that cuts, what it keeps of words."""
