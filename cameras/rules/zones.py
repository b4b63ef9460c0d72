"""Polygons in a camera's picture: where it looks, and where it does not."""

MAX_POLYGONS, MAX_CORNERS = 20, 50
MIN_AREA = 1e-4  # of the picture


def polygons_problem(polygons: object) -> str | None:
    """Why these are no zones: lists of corners [x, y] in fractions of the picture, from the top left."""
    if not isinstance(polygons, list) or len(polygons) > MAX_POLYGONS:
        return f"Enter a list of at most {MAX_POLYGONS} polygons, such as [[[0, 0], [0.5, 0], [0.5, 1]]]."
    for number, polygon in enumerate(polygons, 1):
        if not isinstance(polygon, list) or not 3 <= len(polygon) <= MAX_CORNERS:
            return f"Polygon {number} needs 3 to {MAX_CORNERS} corners, such as [[0, 0], [0.5, 0], [0.5, 1]]."
        if not all(_is_corner(corner) for corner in polygon):
            return f"Each corner of polygon {number} must be [x, y], from 0 (left, top) to 1 (right, bottom)."
        if _area(polygon) < MIN_AREA:
            return f"Polygon {number} has no area: its corners lie on one line."
    return None


def _is_corner(corner: object) -> bool:
    return (
        isinstance(corner, list)
        and len(corner) == 2
        and all(type(value) in (int, float) and 0 <= value <= 1 for value in corner)
    )


def _area(polygon: list[list[float]]) -> float:
    """Of the picture; the shoelace formula."""
    following = [*polygon[1:], polygon[0]]
    crossed = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, following, strict=True))
    return abs(crossed) / 2
