"""What is installed, what is wrong with a folder's weights or tokenizer, what each regularizer does."""
