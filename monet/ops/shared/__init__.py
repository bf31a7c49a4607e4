"""What several ops share: checks of arguments, implementations, gradients of gradients."""
