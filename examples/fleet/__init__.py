"""A host manager: commands queued on RabbitMQ, run over SSH, their results kept in MySQL."""
