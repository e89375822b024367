/** A real PDF: one page with a line of text. @param line printable ASCII without brackets and backslashes */
export function onePagePdf(line: string): Buffer {
	const drawing = `BT /F1 18 Tf 40 80 Td (${line}) Tj ET`;
	const objects = [
		'<< /Type /Catalog /Pages 2 0 R >>',
		'<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
		'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 160] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
		`<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
		'<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
	];
	let document = '%PDF-1.4\n';
	const offsets = objects.map((object, index) => {
		const offset = document.length;
		document += `${index + 1} 0 obj\n${object}\nendobj\n`;
		return offset;
	});
	const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
	const size = objects.length + 1;
	const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${document.length}\n%%EOF\n`;
	return Buffer.from(`${document}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, 'latin1');
}
