/// Models of this process for LangChain4j, without HTTP. Start at `DejavuChatModel` and
/// `DejavuStreamingChatModel`.
///
/// Not a Java module: LangChain4j's jars have parts of the same packages, so applications that use
/// them run on the class path.
@NullMarked
package io.dejavu.langchain4j;

import org.jspecify.annotations.NullMarked;
