package dev.outboard.iommu;

/**
 * Pages that were given back but may not be handed out before a flush: one bit a page, and one bit
 * for each word that has any, so that giving them all back touches only those words. One thread.
 */
final class RetiredPages {
    private final long[] retired;
    private final long[] touched;
    private int count;

    RetiredPages(int endPage) {
        retired = new long[PageBitmap.wordsFor(endPage)];
        touched = new long[PageBitmap.wordsFor(retired.length)];
    }

    int count() {
        return count;
    }

    long word(int word) {
        return retired[word];
    }

    /** One page, by its word and its bit there. */
    void addOne(int word, long bit) {
        long before = retired[word];
        retired[word] = before | bit;
        if (before == 0) {
            touched[word >>> PageBitmap.WORD_SHIFT] |= 1L << word;
        }
        count++;
    }

    void add(int first, int end) {
        for (int at = first; at < end; ) {
            int word = at >>> PageBitmap.WORD_SHIFT;
            long mask = PageBitmap.mask(at, end);
            retired[word] |= mask;
            touched[word >>> PageBitmap.WORD_SHIFT] |= 1L << word;
            at += Long.bitCount(mask);
        }
        count += end - first;
    }

    /**
     * Gives all of them back to the bitmap they were taken from.
     *
     * @param shared whether other threads use the bitmap
     */
    void giveBack(PageBitmap bitmap, boolean shared) {
        for (int group = 0; count > 0 && group < touched.length; group++) {
            for (long left = touched[group]; left != 0; left &= left - 1) {
                int word = (group << PageBitmap.WORD_SHIFT) + Long.numberOfTrailingZeros(left);
                if (shared) {
                    bitmap.releaseWord(word, retired[word]);
                } else {
                    bitmap.unmarkWord(word, retired[word]);
                }
                retired[word] = 0;
            }
            touched[group] = 0;
        }
        count = 0;
    }
}
