//! The cells of a row that our own encoder wrote, as a reader of the file finds them.

/// Takes a row apart: quotes resolved, the guard and Excel's `="…"` left, for they are the cell's text.
///
/// No general reader: those take a byte order mark off the first cell, which here is a lead's value.
pub(super) fn cells(row: &[u8], delimiter: u8) -> Vec<String> {
    let row = row.strip_suffix(b"\r\n").unwrap_or(row);
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = row.get(at) {
        at += 1;
        match byte {
            b'"' if quoted && row.get(at) == Some(&b'"') => {
                cell.push(b'"');
                at += 1;
            }
            b'"' => quoted = !quoted,
            byte if byte == delimiter && !quoted => cells.push(std::mem::take(&mut cell)),
            byte => cell.push(byte),
        }
    }
    cells.push(cell);
    let text = |cell: Vec<u8>| String::from_utf8_lossy(&cell).into_owned();
    cells.into_iter().map(text).collect()
}
