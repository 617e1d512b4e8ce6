package dev.outboard.dma;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Where in a program something was mapped or unmapped: the innermost frames outside the mapping
 * service. Made in a microsecond or two; put into words only when it is told.
 */
final class CodePlace {
    private static final int FRAMES = 3;
    private static final StackWalker WALKER = StackWalker.getInstance();
    private static final Set<String> OWN =
            Set.of(
                    CodePlace.class.getName(),
                    DebugDma.class.getName(),
                    DmaDebug.class.getName(),
                    LiveDebug.class.getName());

    private final List<StackWalker.StackFrame> frames;

    private CodePlace(List<StackWalker.StackFrame> frames) {
        this.frames = frames;
    }

    /** Where this service was called. */
    static CodePlace here() {
        return new CodePlace(
                WALKER.walk(
                        stack ->
                                stack.dropWhile(frame -> OWN.contains(frame.getClassName()))
                                        .limit(FRAMES)
                                        .toList()));
    }

    @Override
    public String toString() {
        return frames.stream()
                .map(
                        frame ->
                                "%s.%s(%s:%d)"
                                        .formatted(
                                                frame.getClassName(),
                                                frame.getMethodName(),
                                                frame.getFileName(),
                                                frame.getLineNumber()))
                .collect(Collectors.joining(" < "));
    }
}
