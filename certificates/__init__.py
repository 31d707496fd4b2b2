"""What is proven: eligibility, issue, PDF, signature, verification, transcript."""
