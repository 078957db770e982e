// Runs a declarative Jenkinsfile as Groovy, with blocks that only print. Arguments: the file. Output: one line a directive, indented.
// It knows Groovy's syntax and the nesting, not Jenkins' own rules: those need a Jenkins (`jenkins-cli declarative-linter`).
class Blocks extends Script {
    int depth = 0
    def run() { null }
    def getProperty(String name) { name in ['WORKSPACE'] ? name : super.getProperty(name) }
    def invokeMethod(String name, Object given) {
        def arguments = given as List
        def block = arguments.find { it instanceof Closure }
        def told = arguments.findAll { !(it instanceof Closure) }.join(' ')
        println('  ' * depth + name + (told ? ' ' + told : ''))
        if (block) { depth++; block.delegate = this; block.resolveStrategy = Closure.DELEGATE_FIRST; block(); depth-- }
        null
    }
    void setProperty(String name, Object value) { println('  ' * depth + name + ' = ' + value) }
}
def configuration = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: Blocks.name)
new GroovyShell(this.class.classLoader, new Binding(), configuration).evaluate(new File(args[0]))
