"""What a mail from a customer says, whoever wrote the program that sent it. Plain functions, without the database."""
