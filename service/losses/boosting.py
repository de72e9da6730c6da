"""Objectives of gradient boosting, with the gradients and Hessians that the libraries use."""
