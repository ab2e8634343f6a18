"""How the number of instances follows the load: the guide's triggers, and a day simulated with
them. Pure: no Django."""
