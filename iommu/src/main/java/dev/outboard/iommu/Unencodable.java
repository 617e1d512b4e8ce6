package dev.outboard.iommu;

/** What to say when a format cannot express an entry; kept off the paths that encode. */
final class Unencodable {
    private Unencodable() {}

    static IllegalArgumentException pageFrame(TceFormat format, long pageFrame) {
        return new IllegalArgumentException(
                "pageFrame=0x%x does not fit a %s entry (0 to 0x%x)"
                        .formatted(pageFrame, format.title(), format.maxPageFrame()));
    }

    static IllegalArgumentException access(int access) {
        return new IllegalArgumentException("access=" + access + " is not read, write or both");
    }
}
