def accept(data): return []
def draw(data): return None
